package content

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Mozilla returns, as PEM, the authorities that Mozilla trusts for servers, in the order and version of the module
// golang.org/x/crypto/x509roots/fallback that go.mod pins: the date of the bundle is the one in that version. One that
// Mozilla trusts only for certificates issued before some date is left out, for PEM cannot say so.
func Mozilla() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return text.Bytes()
}

// readRoots reads a bundle, Mozilla's without a path, and refuses what Go would silently skip, for a program without
// roots starts and then trusts nobody.
func readRoots(path string) ([]byte, error) {
	if path == "" {
		return Mozilla(), nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("roots: %w", err)
	}
	count := 0
	for rest := content; ; count++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("roots: %s holds a %s; only certificates belong into an image", path, block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("roots: certificate %d of %s: %w", count+1, path, err)
		}
		if !certificate.IsCA {
			return nil, fmt.Errorf("roots: certificate %d of %s is not one of an authority: %s", count+1, path, certificate.Subject)
		}
	}
	if count == 0 {
		return nil, fmt.Errorf("roots: %s holds no certificate in PEM", path)
	}
	return content, nil
}
