package iam

import (
	"net/netip"
	"slices"
	"strings"
)

// coversConditions tells whether whatever meets the conditions of the part meets those of the whole: each condition of
// the whole must follow from one of the part.
func coversConditions(whole, part []Condition) Verdict {
	worst := Yes
	for _, w := range whole {
		best := No
		for _, p := range part {
			if strings.EqualFold(w.Key, p.Key) {
				best = max(best, w.follows(p))
			}
		}
		worst = min(worst, best)
	}
	return worst
}

// follows tells whether the condition holds whenever the other one holds. Different operators on one key are not
// compared: that cannot be told.
func (c Condition) follows(other Condition) Verdict {
	if c.Operator != other.Operator {
		return Maybe
	}
	name := strings.TrimPrefix(strings.TrimPrefix(c.Operator, "ForAnyValue:"), "ForAllValues:")
	name = strings.TrimSuffix(name, "IfExists")
	equal := covers
	switch name {
	case "StringLike", "StringNotLike":
	case "ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals":
		equal = coversARN
	case "IpAddress", "NotIpAddress":
		equal = within
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		equal = func(whole, part string) Verdict { return literal(strings.ToLower(whole), strings.ToLower(part)) }
	case "StringEquals", "StringNotEquals", "Bool", "Null":
		equal = literal
	default: // numbers and dates: the same values, or it cannot be told
		return max(Maybe, sure(slices.Equal(c.Values, other.Values)))
	}
	wide, narrow := c.Values, other.Values
	if strings.Contains(name, "Not") { // the fewer are excluded, the more is allowed
		wide, narrow = narrow, wide
	}
	return all(narrow, func(n string) Verdict { return anyOf(wide, func(w string) Verdict { return equal(w, n) }) })
}

// literal compares texts in which * and ? are no wildcards.
func literal(whole, part string) Verdict {
	if whole == part {
		return Yes
	}
	plain := strings.NewReplacer("*", "\x00", "?", "\x01")
	return min(Maybe, covers(plain.Replace(whole), plain.Replace(part)))
}

// arnSegments is how many parts an ARN has: arn, partition, service, Region, account, resource.
const arnSegments = 6

// coversARN compares segment by segment, as the ARN operators do: a * does not reach beyond its segment.
func coversARN(whole, part string) Verdict {
	w, p := segments(whole), segments(part)
	switch {
	case whole == part:
		return Yes
	case len(w) != arnSegments || len(p) != arnSegments: // a reference may be a whole ARN
		return min(Maybe, covers(whole, part))
	}
	worst := Yes
	for i := range w {
		worst = min(worst, covers(w[i], p[i]))
	}
	return worst
}

func segments(pattern string) []string {
	list := []string{""}
	for _, symbol := range symbols(pattern) {
		if symbol == ":" && len(list) < arnSegments {
			list = append(list, "")
			continue
		}
		list[len(list)-1] += symbol
	}
	return list
}

// within tells whether an address block lies in another.
func within(whole, part string) Verdict {
	w, wErr := block(whole)
	p, pErr := block(part)
	switch {
	case whole == part:
		return Yes
	case wErr != nil || pErr != nil:
		return Maybe
	}
	return sure(w.Bits() <= p.Bits() && w.Contains(p.Addr()))
}

// Within tells whether the address block part, such as "10.0.0.0/8", lies in the block whole. What is no block, such as
// a reference, cannot be told unless it is the same.
func Within(whole, part string) Verdict { return within(whole, part) }

func block(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return address.Prefix(address.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}
