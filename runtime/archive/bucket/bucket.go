// Package bucket is a store of the archive in Amazon S3. It needs s3:PutObject on the keys it is given, and for a bucket
// with a KMS key kms:GenerateDataKey on that; nothing else.
//
// It must not know what is in the objects. It is a package of its own because the Lambda program, which keeps no
// archive, must not carry S3's client.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive"
)

// bucket is one bucket.
type bucket struct {
	client *s3.Client
	name   string
}

// Open returns the bucket of a name as a store. It makes no call.
func Open(config aws.Config, name string) archive.Store {
	return &bucket{name: name, client: s3.NewFromConfig(config, func(o *s3.Options) {
		o.Retryer = aws.NopRetryer{} // the archive tries again, and knows how long it may
	})}
}

// Put stores an object that is not there yet. S3 refuses a body that does not have the checksum it is sent with.
func (b *bucket) Put(ctx context.Context, key string, body []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket:            &b.name,
		Key:               &key,
		Body:              bytes.NewReader(body),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		ContentType:       aws.String("application/gzip"),
		IfNoneMatch:       aws.String("*"),
	})
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() == http.StatusPreconditionFailed {
		return fmt.Errorf("%w: %w", archive.ErrExists, err)
	}
	return err
}
