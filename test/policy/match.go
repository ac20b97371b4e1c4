package policy

import "strings"

// MatchAction tells whether an action matches a pattern such as "s3:Get*" or "*". Case does not count.
func MatchAction(pattern, action string) bool {
	return glob(strings.ToLower(pattern), strings.ToLower(action))
}

// MatchResource tells whether a resource matches an ARN pattern. Case counts. As in AWS, a * may stand for several
// segments of an ARN; AWS promises that only at a segment's end, so do not rely on more.
func MatchResource(pattern, resource string) bool { return glob(pattern, resource) }

// glob matches text with a pattern in which * stands for any run of characters and ? for any one.
func glob(pattern, text string) bool {
	p, t := 0, 0
	star, resume := -1, 0 // the last * and where in text it may end
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// arnSegments is how many parts an ARN has: arn, partition, service, Region, account, resource.
const arnSegments = 6

// globARN matches segment by segment, as the ARN operators of conditions do. What is no ARN matches nothing.
func globARN(pattern, text string) bool {
	patterns, texts := strings.SplitN(pattern, ":", arnSegments), strings.SplitN(text, ":", arnSegments)
	if len(patterns) != arnSegments || len(texts) != arnSegments {
		return false
	}
	for i := range patterns {
		if !glob(patterns[i], texts[i]) {
			return false
		}
	}
	return true
}
