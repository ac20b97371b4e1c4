package limit

import (
	"io"
	"sync/atomic"
)

// Bytes bounds what all requests hold of their bodies at once. It is safe for concurrent use.
//
// A request holds what has arrived of it, not what it has announced: who sends slowly keeps nobody else out. What is
// made of a body is held as well and not counted, a few times its size.
type Bytes struct {
	most int64
	held atomic.Int64
}

// NewBytes returns a bound of so many bytes.
func NewBytes(most int64) *Bytes { return &Bytes{most: most} }

// Held is a body whose bytes count from when they are read until Release.
type Held struct {
	of   *Bytes
	from io.Reader
	n    int64
}

// Hold makes the bytes that are read count.
func (b *Bytes) Hold(from io.Reader) *Held { return &Held{of: b, from: from} }

// Read implements io.Reader. Over the bound it gives back at once what it held, so that others need not fail as well, and
// returns nothing but an *inference.Error, Overloaded.
func (h *Held) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	h.n += int64(n)
	if h.of.held.Add(int64(n)) > h.of.most {
		h.Release()
		return 0, overloaded("The gateway holds as many requests as it can. Try again later.")
	}
	return n, err
}

// Release ends the counting. It may be called again.
func (h *Held) Release() {
	h.of.held.Add(-h.n)
	h.n = 0
}
