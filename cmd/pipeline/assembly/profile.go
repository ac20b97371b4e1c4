package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// profileType is an application inference profile of Amazon Bedrock.
const profileType = "AWS::Bedrock::ApplicationInferenceProfile"

// profileAttribute is what CloudFormation knows of a profile, made up: its id, of twelve characters as AWS's are, is the
// same in every run, and another one for every profile.
func (s *Stack) profileAttribute(logicalID, attribute string) (string, bool) {
	if s.Resources[logicalID].Type != profileType {
		return "", false
	}
	sum := sha256.Sum256([]byte(s.Region + "/" + s.Name + "/" + logicalID))
	id := hex.EncodeToString(sum[:6])
	switch attribute {
	case "InferenceProfileId":
		return id, true
	case "InferenceProfileArn":
		return fmt.Sprintf("arn:%s:bedrock:%s:%s:application-inference-profile/%s", Partition(s.Region), s.Region, s.Account, id), true
	}
	return "", false
}

// Profiles are the application inference profiles that the stacks make: by the ARN that Evaluate makes up for each, the
// id of the model or profile that it is copied from. An embedded Bedrock must be told of them.
func (a *Assembly) Profiles() (map[string]string, error) {
	profiles := map[string]string{}
	var problems []error
	for _, s := range a.Stacks {
		for _, r := range s.ByType(profileType) {
			arn, _ := s.profileAttribute(r.LogicalID, "InferenceProfileArn")
			copied, err := s.String(r, "ModelSource", "CopyFrom")
			problems = append(problems, err)
			profiles[arn] = copied[strings.LastIndexByte(copied, '/')+1:]
		}
	}
	return profiles, errors.Join(problems...)
}
