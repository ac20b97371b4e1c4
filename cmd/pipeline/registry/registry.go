// Package registry pushes a container image to a registry without a container engine, signed in to Amazon ECR with the
// credentials that any AWS tool finds, and elsewhere with those of a docker login.
//
// It must not know what is in the image.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Pushed is an image in a registry.
type Pushed struct {
	Tag     string // its name with the tag
	Digest  string // such as "sha256:…": what a deployment names
	Existed bool   // it was there under that tag already, and nothing was sent
}

// Push pushes an image under a reference: registry, repository and, after a colon, a tag. Without a tag it takes the
// digits of the digest, so that equal images have equal tags and a repository with immutable tags takes each once. The
// repository must exist where the registry does not make it, as in ECR.
func Push(ctx context.Context, reference string, image v1.Image, keys authn.Keychain) (Pushed, error) {
	digest, err := image.Digest()
	if err != nil {
		return Pushed{}, fmt.Errorf("push: %w", err)
	}
	tag, err := parse(reference, digest.Hex)
	if err != nil {
		return Pushed{}, fmt.Errorf("push: %w", err)
	}
	pushed := Pushed{Tag: tag.String(), Digest: digest.String()}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keys), remote.WithUserAgent("genai-pipeline")}
	// Asked first: a repository with immutable tags refuses even the image that the tag has.
	there, err := remote.Head(tag, options...)
	switch {
	case err == nil && there.Digest == digest:
		pushed.Existed = true
		return pushed, nil
	case err != nil && !missing(err):
		return Pushed{}, fmt.Errorf("push %s: %w", tag, err)
	}
	if err := remote.Write(tag, image, options...); err != nil {
		return Pushed{}, fmt.Errorf("push %s: %w", tag, err)
	}
	return pushed, nil
}

// parse reads a reference. A registry must be named: the default of container tools is a public one.
func parse(reference, digits string) (name.Tag, error) {
	if last := reference[strings.LastIndex(reference, "/")+1:]; !strings.Contains(last, ":") {
		reference += ":" + digits
	}
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err == nil && !strings.HasPrefix(reference, tag.RegistryStr()+"/") {
		err = errors.New("no registry is named")
	}
	if err != nil {
		return name.Tag{}, fmt.Errorf("%q is not REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG, such as 111122223333.dkr.ecr.us-east-1.amazonaws.com/gateway: %w", reference, err)
	}
	return tag, nil
}

func missing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
