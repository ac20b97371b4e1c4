package serverruntime

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/genai-pipeline/genai-pipeline/runtime/server"
)

// watcher passes a program's log on and looks for the line that says where it listens.
type watcher struct {
	out     io.Writer
	line    []byte      // that has begun; unused once the address is known
	address chan string // holds the address, once it is known
	found   bool
}

func newWatcher(out io.Writer) *watcher {
	if out == nil {
		out = io.Discard
	}
	return &watcher{out: out, address: make(chan string, 1)}
}

// Write is called by one goroutine, that of the command.
func (w *watcher) Write(p []byte) (int, error) {
	for rest := p; !w.found && len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.line = append(w.line, rest...)
			break
		}
		w.look(append(w.line, rest[:end]...))
		w.line, rest = w.line[:0], rest[end+1:]
	}
	return w.out.Write(p)
}

func (w *watcher) look(line []byte) {
	var said map[string]any
	if json.Unmarshal(line, &said) != nil || said["msg"] != server.Listening {
		return
	}
	if address, ok := said[server.AddressKey].(string); ok {
		w.found = true
		w.address <- address
	}
}
