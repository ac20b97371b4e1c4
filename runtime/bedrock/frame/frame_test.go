package frame_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/genai-pipeline/genai-pipeline/runtime/bedrock/frame"
)

// encode makes a frame with the SDK's encoder.
func encode(t testing.TB, payload string, headers ...string) []byte {
	t.Helper()
	message := eventstream.Message{Payload: []byte(payload)}
	for i := 0; i < len(headers); i += 2 {
		message.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	var out bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&out, message); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pieces are the frames of one stream: as small, as large and as odd as they come.
func pieces(t testing.TB) [][]byte {
	odd := eventstream.Message{Payload: []byte("odd")}
	odd.Headers.Set("time", eventstream.TimestampValue(time.Unix(1, 0)))
	odd.Headers.Set("bytes", eventstream.BytesValue([]byte("b")))
	odd.Headers.Set("yes", eventstream.BoolValue(true))
	odd.Headers.Set("uuid", eventstream.UUIDValue{1, 2})
	odd.Headers.Set("int", eventstream.Int32Value(7))
	odd.Headers.Set(":event-type", eventstream.StringValue("odd"))
	var out bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&out, odd); err != nil {
		t.Fatal(err)
	}
	return [][]byte{
		encode(t, ""),
		encode(t, `{"a":1}`, ":message-type", "event", ":event-type", "chunk", ":content-type", "application/json"),
		encode(t, `{"message":"m"}`, ":message-type", "exception", ":exception-type", "throttlingException"),
		encode(t, "", ":message-type", "error", ":error-code", "c", ":error-message", "m"),
		out.Bytes(),
		encode(t, strings.Repeat("x", 100_000), ":message-type", "event"),
		encode(t, "last"),
	}
}

// reference reads one frame with the SDK's decoder.
func reference(source io.Reader) (frame.Frame, error) {
	message, err := eventstream.NewDecoder().Decode(source, nil)
	if err != nil {
		return frame.Frame{}, err
	}
	get := func(name string) []byte {
		if v, ok := message.Headers.Get(name).(eventstream.StringValue); ok {
			return []byte(v)
		}
		return nil
	}
	return frame.Frame{MessageType: get(":message-type"), EventType: get(":event-type"), ExceptionType: get(":exception-type"),
		ErrorCode: get(":error-code"), ErrorMessage: get(":error-message"), Payload: message.Payload}, nil
}

func same(a, b frame.Frame) bool {
	return bytes.Equal(a.MessageType, b.MessageType) && bytes.Equal(a.EventType, b.EventType) &&
		bytes.Equal(a.ExceptionType, b.ExceptionType) && bytes.Equal(a.ErrorCode, b.ErrorCode) &&
		bytes.Equal(a.ErrorMessage, b.ErrorMessage) && bytes.Equal(a.Payload, b.Payload)
}

// compare reads a stream with both, from a source that gives as many bytes at a time as it likes. Where the SDK finds an
// end or a fault, there must be one: of a corrupt frame the SDK reads the headers before it has looked at the checksum,
// and may take their end for the stream's, so then either will do.
func compare(t *testing.T, stream []byte, wrap func(io.Reader) io.Reader) {
	t.Helper()
	theirs := bytes.NewReader(stream)
	ours := frame.NewReader(wrap(bytes.NewReader(stream)))
	defer ours.Release()
	for i := 0; ; i++ {
		want, wantErr := reference(theirs)
		got, err := ours.Next()
		switch {
		case wantErr != nil && err != nil:
			return
		case wantErr != nil || err != nil:
			t.Fatalf("frame %d: error %v, the SDK's is %v", i, err, wantErr)
		case !same(got, want):
			t.Fatalf("frame %d is %+v, the SDK's is %+v", i, got, want)
		}
	}
}

func whole(r io.Reader) io.Reader { return r }

func TestFramesAreTheSDKs(t *testing.T) {
	stream := bytes.Join(pieces(t), nil)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"at once": whole, "byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "with the end": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) { compare(t, stream, wrap) })
	}
}

// Every cut and every changed byte must be noticed as the SDK notices it.
func TestCutAndCorruptFramesAreTheSDKs(t *testing.T) {
	stream := bytes.Join([][]byte{pieces(t)[1], pieces(t)[4], pieces(t)[2]}, nil)
	for i := range stream {
		compare(t, stream[:i], whole)
		r := frame.NewReader(bytes.NewReader(stream[:i]))
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF {
			t.Errorf("a stream that is cut after %d bytes ends with %v", i, err)
		}
		for _, bits := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(stream)
			bad[i] ^= bits
			compare(t, bad, whole)
		}
	}
}

// A prelude that its own checksum contradicts must not be believed, even where the frame's checksum covers up for it.
func TestBothChecksumsAreLookedAt(t *testing.T) {
	bad := encode(t, "payload", ":message-type", "event")
	bad[11] ^= 1 // the prelude's checksum
	end := len(bad) - 4
	binary.BigEndian.PutUint32(bad[end:], crc32.ChecksumIEEE(bad[:end]))
	r := frame.NewReader(bytes.NewReader(bad))
	if _, err := r.Next(); err == nil || err == io.EOF {
		t.Errorf("got %v", err)
	}
	compare(t, bad, whole)
}

func FuzzFrames(f *testing.F) {
	for _, piece := range pieces(f) {
		f.Add(piece)
	}
	f.Fuzz(func(t *testing.T, stream []byte) { compare(t, stream, iotest.HalfReader) })
}

func TestBufferedTellsOfWholeFramesOnly(t *testing.T) {
	first, second := encode(t, "one"), encode(t, "two")
	source, sink := io.Pipe()
	go func() {
		for _, part := range [][]byte{append(bytes.Clone(first), second[:8]...), second[8:]} {
			_, _ = sink.Write(part)
		}
		sink.Close()
	}()
	r := frame.NewReader(source)
	if r.Buffered() {
		t.Error("a frame before anything was read")
	}
	if _, err := r.Next(); err != nil || r.Buffered() {
		t.Errorf("half a frame counts as a whole one, or %v", err)
	}
	if _, err := r.Next(); err != nil || r.Buffered() {
		t.Errorf("a frame at the end, or %v", err)
	}
	both := frame.NewReader(bytes.NewReader(append(first, second...)))
	if _, err := both.Next(); err != nil || !both.Buffered() {
		t.Errorf("two frames that arrive together are not seen, or %v", err)
	}
	both.Release()
	if _, err := both.Next(); err != io.EOF || both.Buffered() {
		t.Errorf("a released reader returned %v", err)
	}
}

func TestASourcesFailureIsPassedOn(t *testing.T) {
	broken := errors.New("broken")
	r := frame.NewReader(io.MultiReader(bytes.NewReader(encode(t, "one")), iotest.ErrReader(broken)))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestFramesAreReadWithoutAllocating(t *testing.T) {
	one := encode(t, `{"contentBlockIndex":0,"delta":{"text":"0123456789"}}`, ":message-type", "event", ":event-type", "contentBlockDelta")
	source := bytes.NewReader(bytes.Repeat(one, 10_000))
	r := frame.NewReader(source)
	defer r.Release()
	got := testing.AllocsPerRun(5000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("%v allocations a frame, want none", got)
	}
}
