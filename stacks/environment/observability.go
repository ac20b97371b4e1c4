package environment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Observability is what watches over an environment: dashboards of each Region and one across them, and alarms.
type Observability struct {
	Emails []string          // told of alarms, each to be confirmed once in each Region; default none
	Topics map[string]string // by Region, ARN of an SNS topic that exists; default: the stacks make one in each
	Pages  map[string]string // by Region, ARN of an SNS topic for what somebody must get up for; default: as Topics
	Quiet  time.Duration     // without any request in a Region that has callers, until somebody is told; default 0: silence is no alarm
	Budget *Budget           // nil: nothing watches the bill
}

// Budget is what the environment's account may be billed, tokens included. It tells the topic in GlobalRegion.
type Budget struct {
	Monthly int // US dollars of a calendar month, 1 or more
	Anomaly int // US dollars over what was expected, from which somebody is told; default a tenth of Monthly, 0 for none
}

// mostUSD is more than a budget can mean.
const mostUSD = 100_000_000

// GlobalRegion is the Region that has the metrics and settings which belong to no Region.
const GlobalRegion = "us-east-1"

// quietStep is what Quiet is a multiple of.
const quietStep = 5 * time.Minute

var (
	topicForm = regexp.MustCompile(`^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)
	emailForm = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
)

func (v value) observability() *Observability {
	o := &Observability{}
	v.object(fields{
		"emails": func(v value) { o.Emails = v.emails() },
		"topics": func(v value) { o.Topics = v.topics() },
		"pages":  func(v value) { o.Pages = v.topics() },
		"quiet": func(v value) {
			if v.duration(&o.Quiet, quietStep, 24*time.Hour); o.Quiet%quietStep != 0 {
				v.problem("is %s; allowed are whole times of %s", o.Quiet, quietStep)
			}
		},
		"budget": func(v value) { o.Budget = v.budget() },
	})
	if len(o.Emails) > 0 && len(o.Topics) > 0 {
		v.d.problem(join(v.path, "emails"), "are told by topics that the stacks make, and topics names others; subscribe them there, or remove one")
	}
	return o
}

func (v value) budget() *Budget {
	b := &Budget{Anomaly: -1}
	v.object(fields{
		"monthly": func(v value) { v.integer(&b.Monthly, 1, mostUSD) },
		"anomaly": func(v value) { v.integer(&b.Anomaly, 0, mostUSD) },
	}, "monthly")
	if b.Anomaly < 0 {
		b.Anomaly = max(1, b.Monthly/10)
	}
	return b
}

func (v value) emails() []string {
	var addresses []string
	v.list(func(v value) {
		var address string
		if v.match(&address, emailForm, `an address such as "team@example.com"`) {
			addresses = append(addresses, address)
		}
	})
	return addresses
}

func (v value) topics() map[string]string {
	arns := map[string]string{}
	v.entries(func(region string, v value) {
		var arn string
		if !v.match(&arn, topicForm, `the ARN of an SNS topic, such as "arn:aws:sns:us-east-1:123456789012:alarms"`) {
			return
		}
		if home := strings.Split(arn, ":")[3]; home != region {
			v.problem("is a topic in %s, and an alarm in %s tells only one of its own Region", home, region)
			return
		}
		arns[region] = arn
	})
	return arns
}

// observability holds the topics against the Regions that have alarms.
func (c checker) observability(e *Environment) {
	o := e.Observability
	if o == nil {
		return
	}
	regions := slices.Clone(e.Regions)
	if e.TellsGlobally() {
		regions = append(regions, GlobalRegion)
	}
	c.everywhere("observability.topics", o.Topics, regions)
	c.everywhere("observability.pages", o.Pages, e.Regions)
	if len(o.Emails) == 0 && len(o.Topics) == 0 {
		c.d.warning("observability", "tells nobody: nothing is subscribed to the topics that the stacks make; add emails, or topics that exist")
	}
}

// everywhere refuses topics that are given for some Regions only.
func (c checker) everywhere(path string, given map[string]string, regions []string) {
	c.regional(path, slices.Collect(maps.Keys(given)), regions)
	for _, region := range regions {
		if len(given) > 0 && given[region] == "" && c.d.lines[path+"."+region] == 0 {
			c.d.problem(path+"."+region, "is missing; alarms and a budget tell only a topic of their own Region, and some are in %s", region)
		}
	}
}

// AlarmTopic is the ARN of the topic that the alarms in a Region tell; empty where there are none.
func (e Environment) AlarmTopic(region string) string {
	switch {
	case e.Observability == nil:
		return ""
	case e.Observability.Topics[region] != "":
		return e.Observability.Topics[region]
	}
	return fmt.Sprintf("arn:aws:sns:%s:%s:%s", region, e.Account, e.AlarmTopicName())
}

// TellsGlobally tells whether something in GlobalRegion needs a topic there, though the environment does not run in it.
func (e Environment) TellsGlobally() bool {
	return e.Observability != nil && !slices.Contains(e.Regions, GlobalRegion) && (e.Failover != nil || e.Observability.Budget != nil)
}

// AlarmTopicName is the name of the topic that the stacks make in each Region.
func (e Environment) AlarmTopicName() string { return e.Name + "-gateway-alarms" }

// Variants are the names of what is deployed, in the order of the stacks.
func (e Environment) Variants() []string {
	var names []string
	for _, v := range []struct {
		name  string
		there bool
	}{{settings.VariantServerless, e.Serverless != nil}, {settings.VariantContainers, e.Containers != nil}, {settings.VariantInstances, e.Instances != nil}} {
		if v.there {
			names = append(names, v.name)
		}
	}
	return names
}
