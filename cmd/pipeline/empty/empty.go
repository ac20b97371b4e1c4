// Package empty deletes what is in the buckets of an environment that is to go, for CloudFormation deletes no bucket with
// something in it. A command does so, and not a function in the stacks: nothing that is deployed may ever delete records.
//
// It must not know what a bucket is for. Whose it is, its tags say.
package empty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// stackTag is the tag by which CloudFormation says whose a resource is. Nobody else can set it.
const stackTag = "aws:cloudformation:stack-name"

// Buckets are those that the stacks of an environment in the client's Region have made, by name. It refuses a production
// environment.
func Buckets(ctx context.Context, client *s3.Client, e environment.Environment, region string) ([]string, error) {
	if e.Production {
		return nil, Refusal(e)
	}
	var names []string
	pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{Prefix: aws.String(e.Name + "-"), BucketRegion: aws.String(region)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, bucket := range page.Buckets {
			ours, err := madeBy(ctx, client, *bucket.Name, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", *bucket.Name, err)
			}
			if ours {
				names = append(names, *bucket.Name)
			}
		}
	}
	return names, nil
}

// Refusal says why a production environment is left alone.
func Refusal(e environment.Environment) error {
	return fmt.Errorf("%s is a production environment: nothing here deletes it or what it keeps; its stacks are protected against deletion, and "+
		"whoever means it sets production: false in %s and deploys that first", e.Name, e.File)
}

// madeBy tells whether a stack of the environment has made the bucket.
func madeBy(ctx context.Context, client *s3.Client, bucket string, e environment.Environment) (bool, error) {
	answer, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	var failure smithy.APIError
	if errors.As(err, &failure) && failure.ErrorCode() == "NoSuchTagSet" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, tag := range answer.TagSet {
		if *tag.Key == stackTag {
			return slices.ContainsFunc(e.Stages(), func(stage string) bool { return strings.HasPrefix(*tag.Value, stage+"-") }), nil
		}
	}
	return false, nil
}

// All deletes every version of every object in a bucket, and every mark of a deletion, and returns how many there were.
func All(ctx context.Context, client *s3.Client, bucket string, progress io.Writer) (int, error) {
	deleted := 0
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return deleted, fmt.Errorf("%s: %w", bucket, err)
		}
		var objects []types.ObjectIdentifier
		for _, v := range page.Versions {
			objects = append(objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			objects = append(objects, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(objects) == 0 {
			continue
		}
		answer, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)}})
		if err != nil {
			return deleted, fmt.Errorf("%s: %w", bucket, err)
		}
		if len(answer.Errors) > 0 {
			first := answer.Errors[0]
			return deleted, fmt.Errorf("%s: %d of %d objects are not deleted, the first %s: %s", bucket, len(answer.Errors), len(objects), aws.ToString(first.Key), aws.ToString(first.Code))
		}
		deleted += len(objects)
	}
	_, err := fmt.Fprintf(progress, "%s: %d versions deleted\n", bucket, deleted)
	return deleted, err
}
