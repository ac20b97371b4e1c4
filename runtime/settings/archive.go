package settings

import (
	"strings"
	"time"
)

// encode adds the archive, if there is one.
func (a Archive) encode(into map[string]string) {
	if a.Bucket != "" {
		into[EnvArchiveBucket], into[EnvArchiveInterval] = a.Bucket, a.Interval.String()
	}
}

// archive reads the archive. The name may be a placeholder while a template is made, so only what is surely no name is
// refused.
func (l *loader) archive(into *Archive, variant string) {
	into.Bucket = l.getenv(EnvArchiveBucket)
	switch {
	case into.Bucket == "":
		if l.getenv(EnvArchiveInterval) != "" {
			l.problem(EnvArchiveInterval, "is set, and %s is not", EnvArchiveBucket)
		}
		return
	case variant == VariantServerless:
		l.problem(EnvArchiveBucket, "is %q, and %s is %q; a function cannot keep an archive, for it is frozen and ended without "+
			"notice: its log group has every request", into.Bucket, EnvVariant, variant)
	case strings.ContainsAny(into.Bucket, "/: \t\r\n"):
		l.problem(EnvArchiveBucket, "is %q; allowed is the name of an S3 bucket, such as \"prod-records\"", into.Bucket)
	}
	l.duration(EnvArchiveInterval, &into.Interval, time.Second, time.Minute)
}
