package limit

// mostConnections is what Connections returns at most: about 400 MB while all are idle.
const mostConnections = 20_000

// spareFiles are left for what is neither a client's connection nor a model's: the log, secrets, the archive.
const spareFiles = 64

// Connections returns how many clients may be connected at once, so that a file is left for the call of each of the
// requests that may run. It is at least 1.
func Connections(running int) int {
	return max(1, min(mostConnections, files()-running-spareFiles))
}
