// Package runbook writes what an alarm says: what happened, and where a person finds what to do.
//
// It must not know any alarm.
package runbook

// Folder is where the runbooks are.
const Folder = "https://github.com/genai-pipeline/genai-pipeline/blob/main/docs/runbooks/"

// The runbooks that the constructs name, without ".md".
const (
	ArchiveLoss    = "archive-loss"
	BadRelease     = "corrupted-release"
	Errors         = "errors"
	Failover       = "failover"
	Latency        = "latency"
	LegacyModel    = "legacy-model"
	NoTraffic      = "no-traffic"
	QuotaExhausted = "quota-exhausted"
	Replication    = "replication"
	Saturation     = "saturation"
	UnusualTraffic = "unusual-traffic"
)

// Describe is an alarm's description. Folder is a URL with a slash at its end; empty for Folder.
func Describe(says, folder, name string) string {
	if folder == "" {
		folder = Folder
	}
	return says + ". What to do: " + folder + name + ".md"
}
