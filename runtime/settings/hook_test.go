package settings_test

import (
	"strings"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

func TestHookReadsWhatTheTemplateWrites(t *testing.T) {
	const version = "arn:aws:lambda:us-east-1:123456789012:function:gateway:7"
	for _, tt := range []struct {
		hook settings.Hook
		want string // in the error; empty for none
	}{
		{settings.Hook{Version: version, Model: "haiku"}, ""},
		{settings.Hook{Version: version, Model: "nova", MessagesModel: "haiku"}, ""},
		{settings.Hook{Address: "balancer.example.com:443", Host: "gateway.example.com", Auth: settings.AuthKeys}, ""},
		{settings.Hook{Version: version, Auth: settings.AuthKeys, Model: "haiku", KeySecret: "smoke"}, ""},
		{settings.Hook{Version: version, Auth: settings.AuthOIDC}, ""},
		{settings.Hook{Version: version, Auth: settings.AuthOIDC, Model: "haiku", KeySecret: "smoke"}, ""},
		{settings.Hook{Version: version}, settings.EnvHookModel + `: is "", with`},
		{settings.Hook{Version: version, Auth: settings.AuthOIDC, Model: "haiku"}, settings.EnvHookModel + `: is "haiku", with`},
		{settings.Hook{Version: version, Auth: settings.AuthKeys, Model: "haiku"}, settings.EnvHookModel + `: is "haiku", with`},
		{settings.Hook{Version: version, Auth: settings.AuthKeys, KeySecret: "smoke"}, settings.EnvHookModel + `: is "", with`},
		{settings.Hook{Version: version, Auth: settings.AuthOIDC, KeySecret: "smoke"}, settings.EnvHookModel + `: is "", with`},
		{settings.Hook{Version: version, Model: "haiku", KeySecret: "smoke"}, settings.EnvHookKeySecret + `: is "smoke"`},
		{settings.Hook{Version: version, Auth: settings.AuthGateway, Model: "haiku"}, settings.EnvHookAuth + `: is "`},
		{settings.Hook{Version: version, Auth: settings.AuthKeys, MessagesModel: "haiku"}, settings.EnvHookMessagesModel + `: is "haiku"`},
		{settings.Hook{}, settings.EnvHookVersion + `: is "", and`},
		{settings.Hook{Version: version, Address: "a:443", Host: "h"}, "exactly one says what is tested"},
		{settings.Hook{Version: strings.TrimSuffix(version, ":7")}, "allowed is the ARN of a version"},
		{settings.Hook{Address: "balancer", Host: "h"}, settings.EnvHookAddress + `: is "balancer"`},
		{settings.Hook{Address: "a:443"}, settings.EnvHookHost + `: is ""`},
	} {
		encoded := tt.hook.Encode()
		got, err := settings.LoadHook(func(name string) string { return encoded[name] })
		switch {
		case tt.want == "" && (err != nil || got != tt.hook):
			t.Errorf("%+v: got %+v, %v", tt.hook, got, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: got %v, want %q", tt.hook, err, tt.want)
		}
	}
}
