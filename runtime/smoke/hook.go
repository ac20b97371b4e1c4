package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// reportTime is what a test leaves of the hook's own time, to say how it ended: CodeDeploy would wait an hour for it.
const reportTime = 15 * time.Second

// Hook answers the services that deploy.
type Hook struct {
	Version Version
	Test    Test
	AWS     aws.Config // CodeDeploy is told with it
	Log     *slog.Logger
}

// event is what CodeDeploy sends, and the part of ECS's that is worth a line in the log.
type event struct {
	DeploymentID string `json:"DeploymentId"`
	ExecutionID  string `json:"LifecycleEventHookExecutionId"`
	Service      string `json:"serviceArn"`
	Revision     string `json:"targetServiceRevisionArn"`
}

// Verdict is what ECS reads.
type Verdict struct {
	HookStatus string `json:"hookStatus"` // SUCCEEDED or FAILED
}

// Handle is the function to give to lambda.Start. It tells CodeDeploy how the test ended, and answers ECS a Verdict. Its
// error is an event of neither, or that CodeDeploy could not be told; then both services roll back.
func (h Hook) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("the event is not a JSON object: %w", err)
	}
	if (e.DeploymentID == "") != (e.ExecutionID == "") {
		return nil, errors.New("the event is CodeDeploy's by half: DeploymentId and LifecycleEventHookExecutionId belong together")
	}
	failure := h.test(ctx)
	log := h.Log.With("deployment", e.DeploymentID, "service", e.Service, "revision", e.Revision)
	if failure != nil {
		log.Error("the new version failed its smoke test; it gets no callers", "reason", failure.Error())
	} else {
		log.Info("the new version passed its smoke test")
	}
	if e.DeploymentID == "" {
		return verdict(failure), nil
	}
	return nil, h.tell(ctx, e, failure)
}

// test runs the test in the time that is left.
func (h Hook) test(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		limited, cancel := context.WithDeadline(ctx, deadline.Add(-reportTime))
		defer cancel()
		ctx = limited
	}
	return h.Test.Run(ctx, h.Version)
}

func verdict(failure error) Verdict {
	if failure != nil {
		return Verdict{"FAILED"}
	}
	return Verdict{"SUCCEEDED"}
}

func (h Hook) tell(ctx context.Context, e event, failure error) error {
	status := types.LifecycleEventStatusSucceeded
	if failure != nil {
		status = types.LifecycleEventStatusFailed
	}
	_, err := codedeploy.NewFromConfig(h.AWS).PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: &e.DeploymentID, LifecycleEventHookExecutionId: &e.ExecutionID, Status: status,
	})
	if err != nil {
		return fmt.Errorf("tell CodeDeploy %s: %w", status, err)
	}
	return nil
}
