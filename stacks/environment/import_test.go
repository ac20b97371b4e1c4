package environment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/genai-pipeline/genai-pipeline/stacks/environment"
)

// TestAnImportIsHeldAgainstWhatAWSSaid describes two VPCs and mixes their subnets up.
func TestAnImportIsHeldAgainstWhatAWSSaid(t *testing.T) {
	const described = `{"Subnets": [
		{"SubnetId": "subnet-0000000a", "VpcId": "vpc-00000001", "AvailabilityZone": "us-east-1a", "State": "available"},
		{"SubnetId": "subnet-0000000b", "VpcId": "vpc-00000001", "AvailabilityZone": "us-east-1b"},
		{"SubnetId": "subnet-000000aa", "VpcId": "vpc-00000001", "AvailabilityZone": "us-east-1a"},
		{"SubnetId": "subnet-000000bb", "VpcId": "vpc-00000001", "AvailabilityZone": "us-east-1b"},
		{"SubnetId": "subnet-0000000c", "VpcId": "vpc-00000002", "AvailabilityZone": "us-east-1b"}]}`
	tests := []struct{ name, lists, want string }{
		{"good", "isolated: [subnet-0000000a, subnet-0000000b], public: [subnet-000000aa, subnet-000000bb], routeTables: [rtb-00000001, rtb-00000001]", ""},
		{"endpoints there", "isolated: [subnet-0000000a, subnet-0000000b], endpointGroups: [sg-00000001]", ""},
		{"subnet of another VPC", "isolated: [subnet-0000000a, subnet-0000000c], endpointGroups: [sg-00000001]",
			"7: network.import.us-east-1.isolated[1]: is subnet-0000000c, a subnet of vpc-00000002, and vpc is vpc-00000001; name a subnet of that VPC"},
		{"unknown subnet", "isolated: [subnet-0000000a, subnet-0000000d], endpointGroups: [sg-00000001]",
			"7: network.import.us-east-1.isolated[1]: is subnet-0000000d, which vpc.json does not describe; it has subnet-0000000a, "},
		{"two of a zone", "isolated: [subnet-0000000a, subnet-000000aa], endpointGroups: [sg-00000001]",
			"7: network.import.us-east-1.isolated[1]: is subnet-000000aa, the second in zone us-east-1a; name one for each zone"},
		{"zones in another order", "isolated: [subnet-0000000a, subnet-0000000b], public: [subnet-000000bb, subnet-000000aa], endpointGroups: [sg-00000001]",
			"7: network.import.us-east-1.public: are in the zones us-east-1b, us-east-1a, and isolated in us-east-1a, us-east-1b; "},
		{"no route tables", "isolated: [subnet-0000000a, subnet-0000000b]",
			"7: network.import.us-east-1.routeTables: has 0 elements for 2 isolated subnets; "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, servers("network", "network: {import: {us-east-1: {vpc: vpc-00000001, subnetsFile: vpc.json, "+test.lists+"}}}\n"))
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "vpc.json"), []byte(described), 0o600); err != nil {
				t.Fatal(err)
			}
			e, err := environment.Load(path, today)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "" && !cmp.Equal(e.Network.Import["us-east-1"].Zones, []string{"us-east-1a", "us-east-1b"}):
				t.Errorf("zones are %v", e.Network.Import["us-east-1"].Zones)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+":"+test.want)):
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
