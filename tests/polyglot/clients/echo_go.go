// The official Go SDK's client over streamable HTTP: echo_go URL TEXT lists the tools, calls `echo`
// and prints what it answers.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := mcp.NewClient(&mcp.Implementation{Name: "polyglot", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: os.Args[1]}, nil)
	if err != nil {
		log.Fatal("connect: ", err)
	}
	defer session.Close()
	tools, err := session.ListTools(ctx, nil)
	if err != nil || len(tools.Tools) == 0 {
		log.Fatal("tools/list: ", err)
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{
		Name: "echo", Arguments: map[string]any{"message": os.Args[2]}})
	if err != nil {
		log.Fatal("tools/call: ", err)
	}
	fmt.Println(result.Content[0].(*mcp.TextContent).Text)
}
