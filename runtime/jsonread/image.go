package jsonread

import (
	"encoding/base64"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/runtime/inference"
)

// ImageFormat returns the short name of an image's media type: png, jpeg, gif or webp. Models take no others.
func ImageFormat(mediaType string) (string, error) {
	switch mediaType {
	case "image/png":
		return "png", nil
	case "image/jpeg":
		return "jpeg", nil
	case "image/gif":
		return "gif", nil
	case "image/webp":
		return "webp", nil
	default:
		return "", inference.Invalid("", "must be of type image/png, image/jpeg, image/gif or image/webp, got %s",
			Quote(mediaType))
	}
}

// DecodeImage returns an image's bytes from strict base64, and checks that they begin like the format says.
func DecodeImage(format, data string) ([]byte, error) {
	image, err := base64.StdEncoding.Strict().DecodeString(data)
	if err != nil || strings.ContainsAny(data, "\r\n") { // which the decoder would skip
		return nil, inference.Invalid("", "is not valid base64")
	}
	if !beginsLike(format, string(image[:min(len(image), 12)])) {
		return nil, inference.Invalid("", "is not a %s image, though its type says so", format)
	}
	return image, nil
}

// beginsLike tells whether a file of that format can begin with head.
func beginsLike(format, head string) bool {
	switch format {
	case "png":
		return strings.HasPrefix(head, "\x89PNG\r\n\x1a\n")
	case "jpeg":
		return strings.HasPrefix(head, "\xff\xd8\xff")
	case "gif":
		return strings.HasPrefix(head, "GIF87a") || strings.HasPrefix(head, "GIF89a")
	case "webp":
		return len(head) == 12 && head[:4] == "RIFF" && head[8:] == "WEBP"
	default:
		return false
	}
}
