// Package image gives a stack the container image of a Go program: as the CDK asset that builds and publishes it. What
// is in it says constructs/image/content.
//
// It must not know what runs the image, nor what the program does.
package image

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
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
