package lambdaruntime

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/genai-pipeline/genai-pipeline/cmd/pipeline/process"
)

// platform is what Lambda itself sets for a program on an OS-only runtime. AWS_EXECUTION_ENV is set for managed
// runtimes only.
func (o Options) platform(runtimeAPI string) map[string]string {
	root := filepath.Dir(o.Binary)
	variables := map[string]string{
		"_HANDLER":                        o.Handler,
		"AWS_DEFAULT_REGION":              o.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(o.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME":        o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + o.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local",
		"AWS_LAMBDA_RUNTIME_API":          runtimeAPI,
		"AWS_REGION":                      o.Region,
		"LAMBDA_RUNTIME_DIR":              root,
		"LAMBDA_TASK_ROOT":                root,
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		"TZ":                              ":UTC",
	}
	if !strings.HasPrefix(o.Runtime, "provided") {
		variables["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + o.Runtime
	}
	return variables
}

// environment is the whole environment of a process; nothing of this process's own is in it.
func (o Options) environment(runtimeAPI string) []string {
	variables := o.platform(runtimeAPI)
	maps.Copy(variables, o.Environment)
	maps.Copy(variables, o.StandIns)
	entries := make([]string, 0, len(variables))
	for name, value := range variables {
		entries = append(entries, name+"="+value)
	}
	slices.Sort(entries)
	return entries
}

// overridable may be set by a function although Lambda sets them.
var overridable = []string{"LANG", "PATH", "TZ"}

// checkEnvironment refuses what Lambda refuses, and stand-ins that would hide a variable of the function.
func (o Options) checkEnvironment() error {
	var problems []error
	platform := o.platform("")
	for _, name := range slices.Sorted(maps.Keys(o.Environment)) {
		if _, reserved := platform[name]; reserved && !slices.Contains(overridable, name) {
			problems = append(problems, fmt.Errorf("environment variable %s is reserved by Lambda and cannot be set by a function", name))
		}
		if _, hidden := o.StandIns[name]; hidden {
			problems = append(problems, fmt.Errorf("environment variable %s is set by the function and by the local run", name))
		}
	}
	return errors.Join(problems...)
}

// CheckEnvironment compares the environment of a running process with what it has to be: every variable of the
// function with its value, and beside them only what Lambda sets and the stand-ins. It returns one error for each
// difference, joined.
func (r *Runtime) CheckEnvironment(actual map[string]string) error {
	o := r.options
	platform := o.platform("")
	return process.Compare(actual, o.Environment, func(name string) bool {
		_, lambda := platform[name]
		_, standIn := o.StandIns[name]
		return lambda || standIn
	}, "set by Lambda")
}
