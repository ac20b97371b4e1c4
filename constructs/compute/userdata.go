package compute

import (
	"crypto/sha256"
	_ "embed" // for the script and the unit, which are files so that their own tools can read them
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/genai-pipeline/genai-pipeline/constructs/binary"
	"github.com/genai-pipeline/genai-pipeline/runtime/endpoint"
	"github.com/genai-pipeline/genai-pipeline/runtime/settings"
)

// Where things are on an instance.
const (
	unitName     = "genai-gateway"
	programPath  = "/usr/local/bin/" + unitName
	settingsPath = "/etc/" + unitName
	logsPath     = "/var/log/" + unitName
)

// stopMargin is how much longer than the program's own drain time systemd waits until it kills.
const stopMargin = settings.ArchiveCloseTimeout + 5*time.Second

//go:embed userdata.sh.tmpl
var userdataText string

//go:embed gateway.service.tmpl
var unitText string

var (
	userdataTemplate = template.Must(template.New("userdata").Option("missingkey=error").Parse(userdataText))
	unitTemplate     = template.Must(template.New("unit").Option("missingkey=error").Parse(unitText))
)

// boot is what an instance does when it starts first. All but told and digest may hold tokens of CDK; what
// CloudFormation puts in their place has no character that means something to a shell.
type boot struct {
	told     settings.Settings
	digest   string // SHA-256 of the program, in hexadecimal
	bucket   string // where the program is
	key      string
	region   string
	logGroup string
	stack    string // that waits for the signal
	group    string // logical id of the group in it
}

// script is what follows the line that names the shell.
func (b boot) script() string {
	number, _ := port(b.told) // checked
	return fill(userdataTemplate, map[string]any{
		"Stack": b.stack, "Group": b.group, "Region": b.region, "Bucket": b.bucket, "Key": b.key, "LogGroup": b.logGroup,
		"Digest": b.digest, "Environment": environmentFile(b.told.Encode()), "Unit": systemdUnit(b.told),
		"Port": number, "Ready": endpoint.Readyz,
		"Name": unitName, "Program": programPath, "Settings": settingsPath, "Logs": logsPath,
	})
}

// systemdUnit is how systemd runs the program.
func systemdUnit(told settings.Settings) string {
	return fill(unitTemplate, map[string]any{
		"Program": programPath, "Settings": settingsPath, "Logs": logsPath,
		"StopSeconds": int((told.DrainTimeout + stopMargin + time.Second - 1) / time.Second),
	})
}

func fill(t *template.Template, values map[string]any) string {
	var b strings.Builder
	// The templates are ours and a Builder takes everything.
	if err := t.Execute(&b, values); err != nil {
		panic(err)
	}
	return b.String()
}

// environmentFile writes variables as systemd reads them from a file: in double quotes, with a backslash before the four
// characters that mean something there. The shell does not read it: it passes in a quoted here-document, and no line of
// it can be the end of that, for each starts with a name.
func environmentFile(variables map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(&b, "%s=\"%s\"\n", name, escaped(variables[name]))
	}
	return b.String()
}

// token matches what CDK puts into a text for something that only CloudFormation knows, such as the ARN of a secret.
var token = regexp.MustCompile(`\$\{Token\[[^\]]+\]\}`)

// escaped leaves tokens as they are, or CDK would leave the backslash before what it puts in their place.
func escaped(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`)
	var b strings.Builder
	end := 0
	for _, found := range token.FindAllStringIndex(text, -1) {
		b.WriteString(escape.Replace(text[end:found[0]]) + text[found[0]:found[1]])
		end = found[1]
	}
	return b.String() + escape.Replace(text[end:])
}

// oneLine tells whether a text can stand in an environment file.
func oneLine(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

func executable(code binary.Asset) string { return filepath.Join(code.Dir, binary.Name) }

// digestOf is the SHA-256 of a built program, in hexadecimal.
func digestOf(code binary.Asset) (string, error) {
	if code.Dir == "" || code.Package == "" {
		return "", fmt.Errorf("is empty")
	}
	content, err := os.ReadFile(executable(code))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
