package rules

import (
	"encoding/json"
	"regexp"
	"strings"
)

// unknown stands in a text for what only CloudFormation knows.
const unknown = "\x00"

// arns is the form of what Fn::GetAtt of an ARN, or Ref where that is one, becomes; @ is the logical id.
var arns = map[string]string{
	"AWS::ECR::Repository.Arn":                 "arn:aws:ecr:\x00:\x00:repository/@",
	"AWS::IAM::Role.Arn":                       "arn:aws:iam::\x00:role/@",
	"AWS::KMS::Key.Arn":                        "arn:aws:kms:\x00:\x00:key/@",
	"AWS::Lambda::Alias.":                      "arn:aws:lambda:\x00:\x00:function:@:\x00",
	"AWS::Lambda::Function.Arn":                "arn:aws:lambda:\x00:\x00:function:@",
	"AWS::Lambda::Version.":                    "arn:aws:lambda:\x00:\x00:function:@:\x00",
	"AWS::Logs::LogGroup.Arn":                  "arn:aws:logs:\x00:\x00:log-group:@:*",
	"AWS::S3::Bucket.Arn":                      "arn:aws:s3:::@",
	"AWS::SecretsManager::Secret.":             "arn:aws:secretsmanager:\x00:\x00:secret:@",
	"AWS::SecretsManager::Secret.Id":           "arn:aws:secretsmanager:\x00:\x00:secret:@",
	"AWS::DynamoDB::Table.Arn":                 "arn:aws:dynamodb:\x00:\x00:table/@",
	"AWS::KinesisFirehose::DeliveryStream.Arn": "arn:aws:firehose:\x00:\x00:deliverystream/@",
	"AWS::SNS::Topic.":                         "arn:aws:sns:\x00:\x00:@",
	"AWS::SQS::Queue.Arn":                      "arn:aws:sqs:\x00:\x00:@",
}

var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

// text is a value as the text that CloudFormation makes of it, with unknown for each part that only it can know.
// It reports false for a value that is no text.
func (c *check) text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool, float64:
		data, _ := json.Marshal(v) // neither can fail
		return string(data), true
	case map[string]any:
		if len(v) != 1 {
			return "", false
		}
		for name, argument := range v {
			return c.call(name, argument)
		}
	}
	return "", false
}

func (c *check) call(name string, argument any) (string, bool) {
	switch name {
	case "Ref":
		id, _ := argument.(string)
		if id == "AWS::Partition" {
			return "aws", true
		}
		return c.reference(id, ""), true
	case "Fn::GetAtt":
		id, attribute := attributeOf(argument)
		return c.reference(id, attribute), true
	case "Fn::Join":
		return c.join(argument), true
	case "Fn::Sub":
		return c.sub(argument), true
	}
	return unknown, strings.HasPrefix(name, "Fn::")
}

func (c *check) reference(id, attribute string) string {
	if form, ok := arns[c.template.Resources[id].Type+"."+attribute]; ok {
		return strings.ReplaceAll(form, "@", id)
	}
	return unknown
}

func attributeOf(argument any) (id, attribute string) {
	if text, ok := argument.(string); ok {
		id, attribute, _ = strings.Cut(text, ".")
		return id, attribute
	}
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		id, _ = parts[0].(string)
		attribute, _ = parts[1].(string)
	}
	return id, attribute
}

func (c *check) join(argument any) string {
	parts, _ := argument.([]any)
	if len(parts) != 2 {
		return unknown
	}
	delimiter, isText := parts[0].(string)
	items, isList := parts[1].([]any)
	if !isText || !isList {
		return unknown
	}
	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := c.text(item)
		if !ok {
			text = unknown
		}
		texts[i] = text
	}
	return strings.Join(texts, delimiter)
}

func (c *check) sub(argument any) string {
	pattern := list(argument)
	if len(pattern) == 0 {
		return unknown
	}
	text, _ := pattern[0].(string)
	return placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		id, attribute, _ := strings.Cut(name, ".")
		if id == "AWS::Partition" {
			return "aws"
		}
		return c.reference(id, attribute)
	})
}
