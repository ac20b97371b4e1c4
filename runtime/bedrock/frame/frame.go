// Package frame reads AWS event streams (application/vnd.amazon.eventstream) in place: a frame's headers and payload are
// parts of the buffer that its bytes arrived in, and both checksums are looked at before any of them. Frames that arrive
// together are read together, and [Reader.Buffered] tells that there is another one.
//
// The format is described in the AWS documentation of Amazon Transcribe and Amazon Bedrock ("event stream encoding", read
// 2026-11-23). The package must not know what is in a frame.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// The parts of a frame: total length, headers' length and a checksum of both; headers and payload; a checksum of all.
const (
	preludeBytes = 12
	trailerBytes = 4
	leastBytes   = preludeBytes + trailerBytes
	mostBytes    = 32 << 20 // no service sends frames that large: 24 MiB of payload is their limit
	firstBuffer  = 1 << 10  // for a stream that trickles, of which there may be thousands
	burstBuffer  = 8 << 10  // once more arrives at a time
	keepBuffer   = 64 << 10 // a buffer that grew larger is not kept for the next stream
)

// errCorrupt is a frame that its checksums or lengths contradict.
var errCorrupt = errors.New("corrupt event-stream frame")

// Frame is one message. Its parts are valid until the next call of Next.
type Frame struct {
	MessageType   []byte // ":message-type": event, exception or error; nil when there is none
	EventType     []byte // ":event-type"
	ExceptionType []byte // ":exception-type"
	ErrorCode     []byte // ":error-code"
	ErrorMessage  []byte // ":error-message"
	Payload       []byte
}

// Reader reads frames. It is used by one goroutine.
type Reader struct {
	source io.Reader
	buf    *[]byte // from the pool; nil once released
	begin  int     // of what was read and not yet handed out
	end    int
	burst  bool  // the last read filled the buffer: more may have been there
	failed error // what the source said last
}

var buffers = sync.Pool{New: func() any { b := make([]byte, firstBuffer); return &b }}

// NewReader returns a Reader. Release gives its buffer back.
func NewReader(source io.Reader) *Reader {
	return &Reader{source: source, buf: buffers.Get().(*[]byte)}
}

// Release gives the buffer to the next stream. Frames handed out before are no longer valid, and Next reports io.EOF.
func (r *Reader) Release() {
	if r.buf != nil && len(*r.buf) <= keepBuffer {
		buffers.Put(r.buf)
	}
	r.buf, r.begin, r.end, r.failed = nil, 0, 0, io.EOF
}

// Buffered tells whether Next has a whole frame without reading.
func (r *Reader) Buffered() bool {
	have := r.end - r.begin
	if have < leastBytes {
		return false
	}
	return int64(have) >= int64(binary.BigEndian.Uint32((*r.buf)[r.begin:]))
}

// Next returns the next frame. The error is io.EOF at the end, also in the middle of a frame: as with the SDK, whether
// the stream was whole is for its content to say. Any other error is the source's, or tells that a frame is corrupt.
func (r *Reader) Next() (Frame, error) {
	if err := r.fill(preludeBytes); err != nil {
		return Frame{}, err
	}
	prelude := (*r.buf)[r.begin : r.begin+preludeBytes]
	total, headers := binary.BigEndian.Uint32(prelude), binary.BigEndian.Uint32(prelude[4:])
	sum := crc32.ChecksumIEEE(prelude[:8])
	switch {
	case sum != binary.BigEndian.Uint32(prelude[8:]):
		return Frame{}, fmt.Errorf("%w: the prelude's checksum is wrong", errCorrupt)
	case total < leastBytes || total > mostBytes || headers > total-leastBytes:
		return Frame{}, fmt.Errorf("%w: %d bytes with %d bytes of headers", errCorrupt, total, headers)
	}
	if err := r.fill(int(total)); err != nil {
		return Frame{}, err
	}
	whole := (*r.buf)[r.begin : r.begin+int(total)]
	body := whole[:len(whole)-trailerBytes]
	if crc32.Update(sum, crc32.IEEETable, body[8:]) != binary.BigEndian.Uint32(whole[len(body):]) {
		return Frame{}, fmt.Errorf("%w: the checksum is wrong", errCorrupt)
	}
	r.begin += int(total)
	f := Frame{Payload: body[preludeBytes+headers:]}
	return f, f.read(body[preludeBytes : preludeBytes+headers])
}

// fill reads until so many bytes are there.
func (r *Reader) fill(want int) error {
	for r.end-r.begin < want {
		if r.failed != nil {
			if r.failed == io.ErrUnexpectedEOF { // of the transfer encoding
				return io.EOF
			}
			return r.failed
		}
		r.room(want)
		var n int
		n, r.failed = r.source.Read((*r.buf)[r.end:])
		r.end += n
		r.burst = r.end == len(*r.buf)
	}
	return nil
}

// room makes space for a frame of so many bytes, and to read on.
func (r *Reader) room(want int) {
	buf := *r.buf
	if r.begin == r.end {
		r.begin, r.end = 0, 0
	}
	grow := want > len(buf) || r.burst && len(buf) < burstBuffer
	if !grow && r.begin+want <= len(buf) && r.end < len(buf) {
		return
	}
	into := buf
	if grow {
		into = make([]byte, max(want, 2*len(buf)))
	}
	r.end = copy(into, buf[r.begin:r.end])
	r.begin = 0
	*r.buf = into
}

// The types of header values; the first two have no value, the next five one of the size after them.
const (
	typeString = 7
	typeBytes  = 6
)

var valueBytes = [10]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16} // by type; -1: two bytes tell

// read finds the headers that matter. The others are looked at as far as it takes to pass them.
func (f *Frame) read(headers []byte) error {
	for len(headers) > 0 {
		nameEnd := 1 + int(headers[0])
		if len(headers) < nameEnd+1 || int(headers[nameEnd]) >= len(valueBytes) {
			return fmt.Errorf("%w: a header is malformed", errCorrupt)
		}
		name, kind, rest := headers[1:nameEnd], headers[nameEnd], headers[nameEnd+1:]
		size := valueBytes[kind]
		if kind == typeString || kind == typeBytes {
			if len(rest) < 2 {
				return fmt.Errorf("%w: a header is malformed", errCorrupt)
			}
			size, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
		}
		if len(rest) < size {
			return fmt.Errorf("%w: a header is malformed", errCorrupt)
		}
		if kind == typeString {
			f.set(string(name), rest[:size])
		}
		headers = rest[size:]
	}
	return nil
}

func (f *Frame) set(name string, value []byte) {
	switch name {
	case ":message-type":
		f.MessageType = value
	case ":event-type":
		f.EventType = value
	case ":exception-type":
		f.ExceptionType = value
	case ":error-code":
		f.ErrorCode = value
	case ":error-message":
		f.ErrorMessage = value
	}
}
