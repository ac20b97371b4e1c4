package catalog

import (
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// Price returns what calls in this form cost: the profile's price, or the model's on-demand price. It may be unknown.
func (c Call) Price() Price {
	if c.Profile != nil {
		return c.Profile.Price
	}
	return c.Model.OnDemandPrice
}

// maxAge is how old a price may be before it is suspect, in years.
const maxAge = 1

// Old tells whether the price was read more than a year before now.
func (p Price) Old(now time.Time) bool { return now.After(p.AsOf.AddDate(maxAge, 0, 0)) }

// Known tells whether there is a price at all.
func (p Price) Known() bool { return p.Input > 0 }

// Cost returns what the tokens cost in US dollars. It is not known, and zero, without a price, or when cache tokens were
// counted and their rate is not sourced: the input rate would overstate reads and understate writes, so that the sum
// would bound the cost in neither direction. Cache writes are priced at the 5-minute rate, which understates 1-hour
// ones. Service tiers and private pricing are not considered.
func (p Price) Cost(u inference.Usage) (usd float64, known bool) {
	unpriced := u.CacheRead > 0 && p.CacheRead == 0 || u.CacheWrite > 0 && p.CacheWrite == 0
	if !p.Known() || unpriced {
		return 0, false
	}
	millions := float64(u.Input)*p.Input + float64(u.Output)*p.Output +
		float64(u.CacheRead)*p.CacheRead + float64(u.CacheWrite)*p.CacheWrite
	if p.LongPromptOver > 0 && u.Prompt() > p.LongPromptOver {
		millions *= p.LongPromptFactor
	}
	return millions / 1e6, true
}
