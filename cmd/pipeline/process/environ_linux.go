package process

import (
	"fmt"
	"os"
	"strings"
)

// Environ returns the environment that the process was started with, as the kernel has it.
func Environ(pid int) (map[string]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil, err
	}
	variables := map[string]string{}
	for _, entry := range strings.Split(strings.TrimRight(string(data), "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		variables[name] = value
	}
	return variables, nil
}
