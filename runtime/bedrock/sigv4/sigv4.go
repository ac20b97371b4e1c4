// Package sigv4 signs the POST requests of one AWS service in one Region with Signature Version 4, as the SDK's own signer
// does, in a fraction of its time: the derived key is kept for the day, and only the headers that our calls have are
// looked at. It must not know which service that is. The test holds it against the SDK's signer.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	dateLength = len("20060102")
	terminator = "aws4_request"
)

// Signer signs for one service in one Region. It is safe for concurrent use.
type Signer struct {
	service, region string
	kept            atomic.Pointer[key]
}

// key is a derived signing key: it changes with the day and the secret.
type key struct {
	date, secret string
	scope        string                 // date/region/service/aws4_request
	inner, outer [sha256.BlockSize]byte // the key as HMAC mixes it into its two hashes
}

// sign is the HMAC of a text. crypto/hmac would make two hashes for it and let the text escape to the heap.
func (k *key) sign(text []byte) [sha256.Size]byte {
	buf := append(append(make([]byte, 0, 512), k.inner[:]...), text...)
	sum := sha256.Sum256(buf)
	return sha256.Sum256(append(append(buf[:0], k.outer[:]...), sum[:]...))
}

// New returns a Signer.
func New(service, region string) *Signer { return &Signer{service: service, region: region} }

// Path returns the canonical form of a path as it stands in the request line: every segment is escaped once more.
func Path(escaped string) string { return string(appendEscaped(nil, escaped, true)) }

// Escape percent-escapes a value for use as one segment of a path, as AWS wants it: all but letters, digits and "-._~".
func Escape(segment string) string { return string(appendEscaped(nil, segment, false)) }

func appendEscaped(dst []byte, text string, keepSlash bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' || c == '/' && keepSlash:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// Sign adds X-Amz-Date, X-Amz-Security-Token (with temporary credentials) and Authorization to the headers of a POST. It
// signs them with the host, the Content-Length and the Content-Type, which must be set; further headers are not signed.
// path is what Path returned; there is no query.
func (s *Signer) Sign(header http.Header, credentials aws.Credentials, at time.Time, host, path string, body []byte) {
	date := at.UTC().Format(timeFormat)
	k := s.key(credentials.SecretAccessKey, date[:dateLength])
	signed := "content-length;content-type;host;x-amz-date"
	if len(body) == 0 {
		signed = "content-type;host;x-amz-date"
	}
	if credentials.SessionToken != "" {
		signed += ";x-amz-security-token"
		header["X-Amz-Security-Token"] = []string{credentials.SessionToken}
	}
	header["X-Amz-Date"] = []string{date}

	buf := make([]byte, 0, 2048) // on the stack: a session token alone can take one and a half
	buf = append(append(append(buf, "POST\n"...), path...), "\n\n"...)
	if len(body) > 0 {
		buf = append(strconv.AppendInt(append(buf, "content-length:"...), int64(len(body)), 10), '\n')
	}
	buf = append(append(append(buf, "content-type:"...), header.Get("Content-Type")...), '\n')
	buf = append(append(append(buf, "host:"...), host...), '\n')
	buf = append(append(append(buf, "x-amz-date:"...), date...), '\n')
	if credentials.SessionToken != "" {
		buf = append(append(append(buf, "x-amz-security-token:"...), credentials.SessionToken...), '\n')
	}
	buf = append(append(append(buf, '\n'), signed...), '\n')
	sum := sha256.Sum256(body)
	buf = hex.AppendEncode(buf, sum[:])

	sum = sha256.Sum256(buf)
	buf = append(append(append(buf[:0], algorithm+"\n"...), date...), '\n')
	buf = append(append(buf, k.scope...), '\n')
	signature := k.sign(hex.AppendEncode(buf, sum[:]))

	buf = append(append(buf[:0], algorithm+" Credential="...), credentials.AccessKeyID...)
	buf = append(append(append(buf, '/'), k.scope...), ", SignedHeaders="...)
	buf = append(append(buf, signed...), ", Signature="...)
	header["Authorization"] = []string{string(hex.AppendEncode(buf, signature[:]))}
}

// key returns the key of a day, derived anew when the day or the secret is another.
func (s *Signer) key(secret, date string) *key {
	if k := s.kept.Load(); k != nil && k.date == date && k.secret == secret {
		return k
	}
	derived := mac([]byte("AWS4"+secret), []byte(date))
	for _, part := range []string{s.region, s.service, terminator} {
		derived = mac(derived, []byte(part))
	}
	k := &key{date: date, secret: secret, scope: date + "/" + s.region + "/" + s.service + "/" + terminator}
	copy(k.inner[:], derived)
	copy(k.outer[:], derived)
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	s.kept.Store(k)
	return k
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
