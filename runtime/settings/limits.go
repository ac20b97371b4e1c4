package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits bound what one process takes on. A function serves one request at a time, so its template does not tell it.
type Limits struct {
	// Concurrency is how many requests are answered at once; default 512, 1 to 100,000. It is a bound on memory: a
	// server that runs 512 and has refused 4,480 more, whose connections are still open, takes about 130 MB
	// (test/reliability prints it), which leaves most of a task's 1,024 MB to large bodies. At 10 s an answer 512 are 50
	// requests a second, five times what a task is scaled for.
	Concurrency int
	// Queue is how many more wait for one of those to end; default 128, 0 to 100,000. A burst passes; more is refused.
	Queue int
	// QueueWait is the longest that one waits; default 1 s, at most 1 min. Who is refused soon asks another task soon.
	QueueWait time.Duration
	// HeldBytes is how much of their bodies all requests together hold; default 128 MiB, MaxBodyBytes to 16 GiB. What
	// is made of a body takes about four times its size, so that is half of a task's 1,024 MB at worst.
	HeldBytes int
	// Tenants says what each caller may take. Each process counts for itself.
	Tenants TenantLimits
}

// TenantLimits say what tenants may take.
type TenantLimits struct {
	Default  Quota            `json:"default,omitzero"`
	ByTenant map[string]Quota `json:"byTenant,omitempty"` // instead of Default, as a whole
}

// Quota is what one tenant may take of one process. 0, the default, is no limit.
type Quota struct {
	RequestsPerMinute int `json:"requestsPerMinute,omitempty"`
	TokensPerMinute   int `json:"tokensPerMinute,omitempty"` // input and output, less what the prompt cache had
	Streams           int `json:"streams,omitempty"`         // at once
}

// MostOfQuota is the largest number in a Quota.
const MostOfQuota = 1_000_000_000

func defaultLimits() Limits {
	return Limits{Concurrency: 512, Queue: 128, QueueWait: time.Second, HeldBytes: 128 << 20}
}

// none tells whether nobody is limited.
func (t TenantLimits) none() bool { return t.Default == (Quota{}) && len(t.ByTenant) == 0 }

// encode adds the limits of a server.
func (l Limits) encode(into map[string]string, variant string) {
	if variant != VariantServerless {
		into[EnvMaxConcurrency] = strconv.Itoa(l.Concurrency)
		into[EnvMaxQueue] = strconv.Itoa(l.Queue)
		into[EnvQueueWait] = l.QueueWait.String()
		into[EnvMaxHeldBytes] = strconv.Itoa(l.HeldBytes)
	}
	if !l.Tenants.none() {
		text, _ := json.Marshal(l.Tenants) // plain strings and numbers: it cannot fail
		into[EnvTenantLimits] = string(text)
	}
}

// limits reads the limits. A body that no request could send is a contradiction.
func (l *loader) limits(into *Limits, maxBody int) {
	l.integer(EnvMaxConcurrency, &into.Concurrency, 1, 100_000)
	l.integer(EnvMaxQueue, &into.Queue, 0, 100_000)
	l.duration(EnvQueueWait, &into.QueueWait, 0, time.Minute)
	l.integer(EnvMaxHeldBytes, &into.HeldBytes, 1<<10, 16<<30)
	if into.HeldBytes < maxBody {
		l.problem(EnvMaxHeldBytes, "is %d, less than one body may have (%s is %d)", into.HeldBytes, EnvMaxBodyBytes, maxBody)
	}
	l.tenants(&into.Tenants)
}

func (l *loader) tenants(into *TenantLimits) {
	text := l.getenv(EnvTenantLimits)
	if text == "" {
		return
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		l.problem(EnvTenantLimits, "is not a JSON object of limits: %v", err)
		return
	}
	l.quota("default", into.Default)
	for _, tenant := range slices.Sorted(maps.Keys(into.ByTenant)) {
		l.quota(fmt.Sprintf("byTenant[%q]", tenant), into.ByTenant[tenant])
	}
}

func (l *loader) quota(where string, q Quota) {
	for _, n := range []int{q.RequestsPerMinute, q.TokensPerMinute, q.Streams} {
		if n < 0 || n > MostOfQuota {
			l.problem(EnvTenantLimits, "%s has %d; allowed is a whole number from 0, which is no limit, to %d", where, n, MostOfQuota)
		}
	}
}
