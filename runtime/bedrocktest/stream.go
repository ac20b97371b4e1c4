package bedrocktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// frame is one message of an event stream: an event, or an exception.
type frame struct {
	event     string
	exception string
	payload   any
	timed     func(latencyMillis int64) any // in place of payload where the latency is part of it
	content   bool                          // a piece of the answer: paced, and counted by Fault.AfterEvents
}

// stream sends the frames, and the fault when its time has come.
func (x *exchange) stream(frames []frame) error {
	x.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	x.w.WriteHeader(http.StatusOK)
	if err := x.flush(); err != nil {
		return err
	}
	content, pending := 0, x.fault.Kind != ""
	for i, f := range frames {
		last := i == len(frames)-1
		if pending && (x.fault.due(i, content) || last) {
			pending = false
			if done, err := x.strikeStream(f); done || err != nil {
				return err
			}
		}
		if f.content && content > 0 && !pause(x.r.Context(), x.options.Pace) {
			return errLeft
		}
		data, err := x.encode(f)
		if err != nil {
			return err
		}
		if last {
			x.record.finish(outcomeOK)
		}
		if err := x.send(data); err != nil {
			return err
		}
		if f.content {
			content++
		}
	}
	return nil
}

// due tells whether the fault strikes before frame i, after so many content frames.
func (f Fault) due(i, content int) bool {
	switch {
	case f.AfterEvents < 0:
		return true
	case f.AfterEvents == 0:
		return i > 0
	}
	return content >= f.AfterEvents
}

// encode makes a frame's bytes. The payload is ours and marshals.
func (x *exchange) encode(f frame) ([]byte, error) {
	payload := f.payload
	if f.timed != nil {
		payload = f.timed(x.sinceMillis())
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	var message eventstream.Message
	if f.exception != "" {
		message.Headers.Set(":message-type", eventstream.StringValue("exception"))
		message.Headers.Set(":exception-type", eventstream.StringValue(f.exception))
	} else {
		message.Headers.Set(":message-type", eventstream.StringValue("event"))
		message.Headers.Set(":event-type", eventstream.StringValue(f.event))
	}
	message.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	message.Payload = body
	var out bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&out, message); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// send writes and flushes; it fails once the client has left.
func (x *exchange) send(data []byte) error {
	if err := x.r.Context().Err(); err != nil {
		return err
	}
	if _, err := x.w.Write(data); err != nil {
		return err
	}
	return x.flush()
}

// flush pushes out what was written; a writer that cannot flush sends it later.
func (x *exchange) flush() error {
	err := http.NewResponseController(x.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// chunks splits text into pieces of about size bytes, and never within a character.
func chunks(text string, size int) []string {
	var out []string
	for len(text) > size {
		end := size
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	if text != "" {
		out = append(out, text)
	}
	return out
}
