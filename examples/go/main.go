// Tools through an mcp-bridge, with stubs that protoc makes of proto/.
//
//	go generate && go run . [HOST:PORT]
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "mcpbridge.dev/example/mcpbridgev1"
)

//go:generate ./generate.sh

func request(name, arguments string) *pb.CallToolRequest {
	return &pb.CallToolRequest{
		Name: name,
		Args: &pb.CallToolRequest_ArgumentsJson{ArgumentsJson: arguments},
	}
}

func listTools(ctx context.Context, client pb.ToolServiceClient) error {
	fmt.Print("tools:")
	for token := ""; ; {
		page, err := client.ListTools(ctx, &pb.ListToolsRequest{PageToken: token})
		if err != nil {
			return err
		}
		for _, tool := range page.Tools {
			fmt.Print(" ", tool.Name)
		}
		if token = page.NextPageToken; token == "" {
			fmt.Println()
			return nil
		}
	}
}

func call(ctx context.Context, client pb.ToolServiceClient) error {
	result, err := client.CallTool(ctx, request("echo", `{"text":"hello"}`))
	if err != nil {
		return err
	}
	fmt.Println("echo:", result.Content[0].GetText().GetText())
	return nil
}

func callPastItsDeadline(ctx context.Context, client pb.ToolServiceClient) error {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err := client.CallTool(ctx, request("sleep", `{"ms":60000}`))
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("not the end that was expected: %w", err)
	}
	fmt.Println("sleep: its deadline passed")
	return nil
}

func streamProgress(ctx context.Context, client pb.ToolServiceClient) error {
	stream, err := client.CallToolStream(ctx, &pb.CallToolStreamRequest{
		Call: request("count", `{"to":3,"interval_ms":20}`),
	})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch event := message.Event.(type) {
		case *pb.CallToolStreamResponse_Progress:
			fmt.Printf("count: %v of %v\n", event.Progress.GetProgress(), event.Progress.GetTotal())
		case *pb.CallToolStreamResponse_Result:
			fmt.Println("count:", event.Result.Content[0].GetText().GetText())
		}
	}
}

func cancelCall(ctx context.Context, client pb.ToolServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.CallToolStream(ctx, &pb.CallToolStreamRequest{
		Call: request("count", `{"to":1000,"interval_ms":50}`),
	})
	if err != nil {
		return err
	}
	if _, err = stream.Recv(); err != nil {
		return err
	}
	cancel() // it runs
	for err == nil {
		_, err = stream.Recv() // what had come before
	}
	if status.Code(err) != codes.Canceled {
		return fmt.Errorf("not the end that was expected: %w", err)
	}
	fmt.Println("count: cancelled")
	return nil
}

// reasonOf says why the bridge says that a call failed; docs/errors.md lists all reasons.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return "no reason given"
}

func fail(ctx context.Context, client pb.ToolServiceClient) error {
	_, err := client.CallTool(ctx, request("no_such_tool", "{}"))
	fmt.Println("no_such_tool:", reasonOf(err))
	return nil
}

func main() {
	address := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := pb.NewToolServiceClient(connection)
	for _, step := range []func(context.Context, pb.ToolServiceClient) error{
		listTools, call, callPastItsDeadline, streamProgress, cancelCall, fail,
	} {
		if err := step(ctx, client); err != nil {
			log.Fatal(err)
		}
	}
}
