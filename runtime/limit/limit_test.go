package limit_test

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
	"github.com/genai-pipeline/genai-pipeline/runtime/limit"
)

// refusedAs fails unless err is of the code, and says when to come back.
func refusedAs(t *testing.T, err error, code inference.Code) time.Duration {
	t.Helper()
	var failure *inference.Error
	if !errors.As(err, &failure) || failure.Code != code || failure.RetryAfter <= 0 {
		t.Fatalf("got %v, want %s with a time to come back", err, code)
	}
	return failure.RetryAfter
}

func TestMemory(t *testing.T) {
	const meminfo = "MemFree: 1 kB\nMemTotal:        1000 kB\n"
	tests := []struct {
		name  string
		env   map[string]string
		files map[string]string
		want  int64
	}{
		{"nothing known", nil, nil, 0},
		{"the machine", nil, map[string]string{"proc/meminfo": meminfo}, 921600},
		{"a function", map[string]string{limit.EnvLambdaMemory: "1024"}, map[string]string{"proc/meminfo": meminfo}, 966367642},
		{"decided", map[string]string{limit.EnvLambdaMemory: "1024", limit.EnvGoMemory: "1GiB"}, nil, 0},
		{"a container", nil, map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "500000\n"}, 450000},
		{"a container without a limit", nil, map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n"}, 921600},
		{"a group within one that has less", nil, map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/memory.max": "900000\n",
			"sys/fs/cgroup/a/memory.max": "100000", "sys/fs/cgroup/a/b/memory.max": "200000"}, 90000},
		{"version 1", nil, map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "300000", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 270000},
		{"version 1, the path is the host's", nil, map[string]string{"proc/self/cgroup": "4:memory:/ecs/0123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "300000"}, 270000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := limit.Memory(func(name string) string { return tt.env[name] }, root); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			const none = math.MaxInt64
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(none))
			limit.HoldMemory(func(name string) string { return tt.env[name] }, root)
			if held := debug.SetMemoryLimit(none); held != tt.want && (tt.want > 0 || held != none) {
				t.Errorf("Go's runtime is held to %d, want %d", held, tt.want)
			}
		})
	}
}

func TestGateLetsInWaitsAndRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := limit.NewGate(limit.GateOptions{Running: 2, Waiting: 2, Wait: time.Second})
		for range 2 {
			if err := g.Enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		order := make(chan int, 2)
		for i := range 2 {
			go func() {
				if err := g.Enter(t.Context()); err != nil {
					t.Error(err)
				}
				order <- i
			}()
			synctest.Wait()
			if (g.Full() != nil) != (i == 1) {
				t.Errorf("with %d waiting, full is %v", i+1, g.Full())
			}
		}
		began := time.Now()
		refusedAs(t, g.Enter(t.Context()), inference.Overloaded)
		refusedAs(t, g.Full(), inference.Overloaded)
		if time.Since(began) != 0 {
			t.Error("the refusal waited")
		}
		for want := range 2 {
			g.Leave()
			if got := <-order; got != want {
				t.Errorf("waiter %d came before %d", got, want)
			}
		}
		g.Leave()
		g.Leave()
		if err := g.Enter(t.Context()); err != nil {
			t.Errorf("an empty gate: %v", err)
		}
	})
}

func TestGateWithoutAQueue(t *testing.T) {
	g := limit.NewGate(limit.GateOptions{Running: 1})
	if err := g.Full(); err != nil {
		t.Errorf("an empty gate: %v", err)
	}
	if err := g.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, g.Full(), inference.Overloaded)
	refusedAs(t, g.Enter(t.Context()), inference.Overloaded)
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := limit.NewGate(limit.GateOptions{Running: 1, Waiting: 1, Wait: time.Second})
		if err := g.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		refusedAs(t, g.Enter(t.Context()), inference.Overloaded)
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("waited %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := g.Enter(ctx); inference.AsError(err).Code != inference.Canceled {
			t.Errorf("of a caller that left: %v", err)
		}
		// Neither of those that gave up holds a place.
		g.Leave()
		if err := g.Enter(t.Context()); err != nil {
			t.Error(err)
		}
		refusedAs(t, g.Enter(t.Context()), inference.Overloaded)
	})
}

// However waits, turns and leaves meet, no place is lost or given twice.
func TestGateUnderStress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 3
		g := limit.NewGate(limit.GateOptions{Running: most, Waiting: 5, Wait: 10 * time.Millisecond})
		running := make(chan struct{}, most)
		for i := range 200 {
			go func() {
				for j := range 50 {
					time.Sleep(time.Duration((i*7+j*13)%41) * time.Millisecond)
					if g.Enter(t.Context()) != nil {
						continue
					}
					select {
					case running <- struct{}{}:
					default:
						t.Error("more are running than may")
					}
					time.Sleep(time.Duration((i+j)%17) * time.Millisecond)
					<-running
					g.Leave()
				}
			}()
		}
		time.Sleep(time.Minute)
		for range most {
			if err := g.Enter(t.Context()); err != nil {
				t.Errorf("a place is lost: %v", err)
			}
		}
	})
}

func TestBytesAreHeldUntilReleased(t *testing.T) {
	b := limit.NewBytes(10)
	one := b.Hold(strings.NewReader("12345678"))
	if text, err := io.ReadAll(one); err != nil || string(text) != "12345678" {
		t.Fatal(string(text), err)
	}
	two := b.Hold(strings.NewReader("123"))
	_, err := io.ReadAll(two)
	refusedAs(t, err, inference.Overloaded) // and has given back what it held
	two.Release()
	three := b.Hold(strings.NewReader("12"))
	if _, err := io.ReadAll(three); err != nil {
		t.Error(err)
	}
	one.Release()
	three.Release()
	if _, err := io.ReadAll(b.Hold(strings.NewReader("1234567890"))); err != nil {
		t.Errorf("not everything was given back: %v", err)
	}
	_, err = io.ReadAll(b.Hold(strings.NewReader("1")))
	refusedAs(t, err, inference.Overloaded)
}
