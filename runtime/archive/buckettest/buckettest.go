// Package buckettest is a stand-in for one Amazon S3 bucket that takes the archive's objects over S3's own HTTP, as far
// as the archive uses it: PutObject, with path-style addresses. Tests script its faults.
//
// It refuses what the archive must never send: an object that could overwrite another, one without a checksum or with a
// wrong one, and one that is not signed. It must not know how the archive works inside.
package buckettest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is what happens to one request in place of the usual.
type Fault struct {
	Status int           // answers with this status and an S3 error; 0 for none
	Code   string        // the error's code
	Cut    bool          // ends the connection without an answer
	Store  bool          // stores the object nevertheless
	Delay  time.Duration // waits before anything else, or until the caller has left
}

// Bucket is the stand-in. It is safe for concurrent use.
type Bucket struct {
	name string

	mu      sync.Mutex
	faults  []Fault
	objects map[string][]byte
	puts    int
	changed chan struct{} // closed and replaced when an object comes
}

// New returns an empty bucket.
func New(name string) *Bucket {
	return &Bucket{name: name, objects: map[string][]byte{}, changed: make(chan struct{})}
}

// Script gives each of the next requests its fault.
func (b *Bucket) Script(faults ...Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, faults...)
}

// Heal forgets the faults that are left.
func (b *Bucket) Heal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

// Puts is how many requests came.
func (b *Bucket) Puts() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.puts
}

// Keys lists the objects in order, and returns a channel that is closed when there is one more.
func (b *Bucket) Keys() ([]string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.objects)), b.changed
}

// Text is an object, decompressed.
func (b *Bucket) Text(key string) (string, error) {
	b.mu.Lock()
	body := b.objects[key]
	b.mu.Unlock()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	text, err := io.ReadAll(z)
	return string(text), err
}

// Records is every record of every object, in the order of the keys.
func (b *Bucket) Records() ([]map[string]any, error) {
	var records []map[string]any
	keys, _ := b.Keys()
	for _, key := range keys {
		text, err := b.Text(key)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				return nil, fmt.Errorf("%s: %w in %q", key, err, line)
			}
			records = append(records, record)
		}
	}
	return records, nil
}

// ServeHTTP takes one request.
func (b *Bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller left
	}
	fault := b.next()
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return
		}
	}
	if fault.Store || fault == (Fault{Delay: fault.Delay}) {
		if status, code := b.put(r, body); status != http.StatusOK {
			refuse(w, status, code)
			return
		}
	}
	switch {
	case fault.Cut:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		refuse(w, fault.Status, fault.Code)
	}
}

func (b *Bucket) next() (f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
	if len(b.faults) > 0 {
		f, b.faults = b.faults[0], b.faults[1:]
	}
	return f
}

// put stores an object as S3 does.
func (b *Bucket) put(r *http.Request, body []byte) (status int, code string) {
	key, ours := strings.CutPrefix(r.URL.Path, "/"+b.name+"/")
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))
	switch {
	case r.Method != http.MethodPut || r.URL.Query().Has("uploads"):
		return http.StatusNotImplemented, "NotImplemented"
	case !ours:
		return http.StatusNotFound, "NoSuchBucket"
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "):
		return http.StatusForbidden, "AccessDenied"
	case r.Header.Get("X-Amz-Checksum-Crc32") != base64.StdEncoding.EncodeToString(sum):
		return http.StatusBadRequest, "BadDigest"
	case r.Header.Get("If-None-Match") != "*":
		return http.StatusForbidden, "AccessDenied"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.objects[key]; taken {
		return http.StatusPreconditionFailed, "PreconditionFailed"
	}
	b.objects[key] = body
	close(b.changed)
	b.changed = make(chan struct{})
	return http.StatusOK, ""
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>As scripted.</Message></Error>", code)
}
