package jsonread_test

import (
	"encoding/base64"
	"testing"

	"github.com/genai-pipeline/genai-pipeline/runtime/jsonread"
)

func TestDecodeImage(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	png := encode([]byte("\x89PNG\r\n\x1a\n...."))
	for _, test := range []struct{ name, mediaType, data, want string }{
		{"png", "image/png", png, ""},
		{"jpeg", "image/jpeg", encode([]byte("\xff\xd8\xff\xe0")), ""},
		{"gif", "image/gif", encode([]byte("GIF89a")), ""},
		{"webp", "image/webp", encode([]byte("RIFF\x00\x00\x00\x00WEBPVP8 ")), ""},
		{"another type", "image/tiff", png, "must be of type"},
		{"not what it says", "image/jpeg", png, "is not a jpeg image"},
		{"short", "image/webp", encode([]byte("RIFF")), "is not a webp image"},
		{"empty", "image/png", "", "is not a png image"},
		{"not base64", "image/png", "####", "not valid base64"},
		{"no padding", "image/png", "iVBORw0KGgo", "not valid base64"},
		{"URL alphabet", "image/png", "_-==", "not valid base64"},
		{"line break", "image/png", png[:4] + "\n" + png[4:], "not valid base64"},
		{"trailing bits", "image/png", "iVBORw0KGgp=", "not valid base64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			format, err := jsonread.ImageFormat(test.mediaType)
			if err == nil {
				_, err = jsonread.DecodeImage(format, test.data)
			}
			if test.want == "" && err == nil {
				return
			}
			wantFailure(t, err, "", test.want)
		})
	}
}
