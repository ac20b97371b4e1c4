package environment

import (
	"slices"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/catalog"
)

// everyObject has each kind of object once, so that decoding it meets all known keys.
const everyObject = `{auth: {}, models: {a: {targets: [{}]}}, gateway: {tenantLimits: {default: {}, tenants: {a: {}}}}, serverless: {api: {}},
 containers: {scaling: {}, spot: {}, image: {}}, instances: {scaling: {}, spot: {}}, edge: {}, archive: {}, acknowledge: {}, failover: {}, audit: {}, tracing: {}, observability: {budget: {}},
 network: {prefixLists: {us-east-1: {}}, import: {us-east-1: {}}}}`

// KnownKeys returns the keys the decoder knows, by the shape of the object they are in.
func KnownKeys() map[string][]string {
	known, err := catalog.Load()
	if err != nil {
		panic(err)
	}
	d := newDecoder("every.yaml")
	d.document([]byte(everyObject), checker{d: d, catalog: known, asOf: time.Time{}})
	return sorted(d)
}

// KnownDeliveryKeys returns the keys that a delivery file may have, by the shape of the object they are in.
func KnownDeliveryKeys() map[string][]string {
	d := newDecoder("every.yaml")
	if node, ok := d.parse([]byte("{source: {}, environments: [{conformance: {}}]}")); ok {
		d.value(node, "", "").delivery(&Delivery{})
	}
	return sorted(d)
}

func sorted(d *decoder) map[string][]string {
	for _, keys := range d.known {
		slices.Sort(keys)
	}
	return d.known
}
