// Package image gives a stack the container image of a Go program, in one of two ways: NewAsset lets the CDK command line
// build and publish it at deployment, which takes a container engine; FromRepository takes one that is in ECR already,
// which takes none: constructs/image/oci builds it and "pipeline image push" sends it. What is in an image says
// constructs/image/content. CDK's TarballImageAsset is no third way, for it publishes through an engine, too.
//
// It must not know what runs the image, nor what the program does.
package image

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/image/content"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
)

// Props says what an image holds.
type Props = content.Props

// NewAsset makes the asset that the CDK command line builds with Docker, Finch or Podman and publishes to the
// bootstrap's repository: awsecs.ContainerImage_FromDockerImageAsset takes it. With bad props it panics with one message
// that names everything that is wrong.
func NewAsset(scope constructs.Construct, id string, props Props) awsecrassets.DockerImageAsset {
	dir, err := content.Folder(props)
	var problems check.Problems
	problems.If(err != nil, "%v", err)
	problems.Panic("image.NewAsset(\"" + id + "\")")
	return awsecrassets.NewDockerImageAsset(scope, jsii.String(id), &awsecrassets.DockerImageAssetProps{
		Directory: jsii.String(dir),
		Platform:  awsecrassets.Platform_LINUX_ARM64(),
	})
}

// imageDigest is how registries call an image by its content.
var imageDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// FromRepository is an image for linux/arm64 that a repository holds under a digest, such as "pipeline image push"
// prints. A tag is refused, for it may name another image tomorrow, and what runs would no longer be what was deployed.
// The task's execution role gets to pull from the repository; one in another account must allow that as well. Whether
// the image is there shows only at deployment.
func FromRepository(repository awsecr.IRepository, digest string) awsecs.ContainerImage {
	var problems check.Problems
	problems.If(repository == nil, "repository: is nil; take one with awsecr.Repository_FromRepositoryName or _FromRepositoryArn")
	problems.If(!imageDigest.MatchString(digest), "digest: is %q; allowed is sha256: and 64 hexadecimal digits, as the push printed", digest)
	problems.Panic("image.FromRepository")
	return awsecs.ContainerImage_FromEcrRepository(repository, jsii.String(digest))
}
