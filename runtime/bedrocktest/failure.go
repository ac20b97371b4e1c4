package bedrocktest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// failure is an exception as Bedrock sends it in place of an answer.
type failure struct {
	status  int
	code    string
	message string
}

// Error makes a failure an error; it is never shown but through write.
func (f *failure) Error() string { return f.code + ": " + f.message }

// refuse makes the exception for a request that is at fault itself.
func refuse(format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, "ValidationException", fmt.Sprintf(format, args...)}
}

func (f *failure) write(w http.ResponseWriter) {
	body, _ := json.Marshal(map[string]string{"message": f.message}) // a map of strings always marshals
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", f.code)
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // who does not wait for the refusal needs none
}
