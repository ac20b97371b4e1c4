package drill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/genai-pipeline/genai-pipeline/constructs/failover/recovery"
)

// zone answers for the synthesized records, as Route 53 does.
type zone struct {
	name    string            // that fails over
	records []target          // of it, the primary's first
	plain   map[string]string // addresses of the names that lead to one Region alone
}

// target is what a record leads to.
type target struct {
	address string
	weight  int // 0: the first that is healthy gets everybody
	healthy func() bool
}

// answer is the address of a name. Where no Region is healthy, all count as healthy: Route 53 fails open.
func (z *zone) answer(name string) (string, bool) {
	if name != z.name {
		address, ok := z.plain[name]
		return address, ok
	}
	alive := slices.DeleteFunc(slices.Clone(z.records), func(t target) bool { return !t.healthy() })
	if len(alive) == 0 {
		alive = z.records
	}
	sum := 0
	for _, t := range alive {
		sum += t.weight
	}
	if sum == 0 {
		return alive[0].address, true
	}
	at := rand.IntN(sum)
	for at >= alive[0].weight {
		at -= alive[0].weight
		alive = alive[1:]
	}
	return alive[0].address, true
}

// ServeDNS implements dns.Handler.
func (z *zone) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	q := r.Question[0] // a dns.Server refuses messages without one
	address, known := z.answer(q.Name[:len(q.Name)-1])
	switch {
	case !known:
		m.Rcode = dns.RcodeNameError
	case q.Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: uint32(recovery.AliasTTL.Seconds())},
			A:   net.ParseIP(address),
		}}
	}
	_ = w.WriteMsg(m) // who asked may be gone
}

// serveDNS serves a zone over UDP on this machine; stop ends it.
func serveDNS(z *zone) (address string, stop func(), err error) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: packets, Handler: z, NotifyStartedFunc: func() { close(started) }}
	go func() { _ = server.ActivateAndServe() }() // ends when shut down
	<-started
	return packets.LocalAddr().String(), func() { _ = server.Shutdown() }, nil
}

// dnsPatience is real, and far longer than an answer on this machine takes.
const dnsPatience = 5 * time.Second

// resolver asks the DNS server and keeps each answer for as long as its TTL says, as those between callers and Route 53.
type resolver struct {
	clock  clock
	server string

	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	address string
	until   time.Duration
}

func newResolver(c clock, server string) *resolver {
	return &resolver{clock: c, server: server, kept: map[string]kept{}}
}

func (r *resolver) lookup(ctx context.Context, host string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.now()
	if k, ok := r.kept[host]; ok && now < k.until {
		return k.address, nil
	}
	address, ttl, err := ask(ctx, r.server, host)
	if err != nil {
		return "", err
	}
	r.kept[host] = kept{address, now + ttl}
	return address, nil
}

// ask asks a DNS server for the one address of a host.
func ask(ctx context.Context, server, host string) (address string, ttl time.Duration, err error) {
	client := dns.Client{Timeout: dnsPatience}
	reply, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(host), dns.TypeA), server)
	if err != nil {
		return "", 0, err
	}
	if reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 1 {
		if a, ok := reply.Answer[0].(*dns.A); ok {
			return a.A.String(), time.Duration(a.Hdr.Ttl) * time.Second, nil
		}
	}
	return "", 0, fmt.Errorf("no address for %s: %s", host, dns.RcodeToString[reply.Rcode])
}
