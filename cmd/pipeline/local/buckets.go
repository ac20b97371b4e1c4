package local

import (
	"net/http"

	"github.com/genai-pipeline/genai-pipeline/runtime/archive/buckettest"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// NewBuckets stands in for S3 as far as the archives of programs with these environments use it, and keeps what it is
// given in memory; nil when none keeps an archive. A bucket that no template names does not exist.
func NewBuckets(environments ...map[string]string) http.Handler {
	buckets := http.NewServeMux()
	named := map[string]bool{}
	for _, variables := range environments {
		if name := variables[settings.EnvArchiveBucket]; name != "" && !named[name] {
			named[name] = true
			buckets.Handle("/"+name+"/", buckettest.New(name))
		}
	}
	if len(named) == 0 {
		return nil
	}
	return buckets
}
