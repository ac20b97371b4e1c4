// Package image makes the container image of a Go program: a folder that a Dockerfile only copies from, the same bytes
// whenever and wherever it is made from the same program, and the CDK asset that builds and publishes it.
//
// The image holds the program, the roots of trust it checks other certificates with, and nothing else: no shell, no
// package manager, no other user's files. The roots are not ours to choose, and fetching them would make two builds
// differ; so who builds gives the file.
//
// It must not know what runs the image, nor what the program does.
package image

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/constructs/internal/check"
)

// Props says what an image holds.
type Props struct {
	Code binary.Asset // required; a static linux/arm64 program
	// Roots is the path of a PEM file with the certificates that the program trusts, such as the ca-certificates bundle
	// of a distribution, kept under version control or pinned by digest; required. It decides whom the gateway believes to
	// be AWS.
	Roots string
	Out   string // the folder to make; it may hold nothing else. Default: Code.Dir followed by "-image"
}

// NewAsset makes the asset that the CDK command line builds with Docker, Finch or Podman and publishes to the
// bootstrap's repository: awsecs.ContainerImage_FromDockerImageAsset takes it. With bad props it panics with one message
// that names everything that is wrong.
func NewAsset(scope constructs.Construct, id string, props Props) awsecrassets.DockerImageAsset {
	dir, err := Context(props)
	var problems check.Problems
	problems.If(err != nil, "%v", err)
	problems.Panic("image.NewAsset(\"" + id + "\")")
	return awsecrassets.NewDockerImageAsset(scope, jsii.String(id), &awsecrassets.DockerImageAssetProps{
		Directory: jsii.String(dir),
		Platform:  awsecrassets.Platform_LINUX_ARM64(),
	})
}
