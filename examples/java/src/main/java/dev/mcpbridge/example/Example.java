package dev.mcpbridge.example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.mcpbridge.v1.CallToolRequest;
import dev.mcpbridge.v1.CallToolStreamRequest;
import dev.mcpbridge.v1.CallToolStreamResponse;
import dev.mcpbridge.v1.ListToolsRequest;
import dev.mcpbridge.v1.ListToolsResponse;
import dev.mcpbridge.v1.Tool;
import dev.mcpbridge.v1.ToolServiceGrpc;
import dev.mcpbridge.v1.ToolServiceGrpc.ToolServiceBlockingStub;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;

/** Tools through an mcp-bridge, with stubs that protoc makes of proto/. Argument: HOST:PORT. */
public final class Example {
  private final ToolServiceBlockingStub stub;

  private Example(ToolServiceBlockingStub stub) {
    this.stub = stub;
  }

  private static CallToolRequest request(String name, String arguments) {
    return CallToolRequest.newBuilder().setName(name).setArgumentsJson(arguments).build();
  }

  private static CallToolStreamRequest streamRequest(String name, String arguments) {
    return CallToolStreamRequest.newBuilder().setCall(request(name, arguments)).build();
  }

  private ToolServiceBlockingStub within(long milliseconds) {
    return stub.withDeadlineAfter(milliseconds, TimeUnit.MILLISECONDS);
  }

  private void listTools() {
    var line = new StringBuilder("tools:");
    var token = "";
    do {
      ListToolsResponse page =
          within(10_000).listTools(ListToolsRequest.newBuilder().setPageToken(token).build());
      for (Tool tool : page.getToolsList()) {
        line.append(' ').append(tool.getName());
      }
      token = page.getNextPageToken();
    } while (!token.isEmpty());
    System.out.println(line);
  }

  private void call() {
    var result = within(10_000).callTool(request("echo", "{\"text\":\"hello\"}"));
    System.out.println("echo: " + result.getContent(0).getText().getText());
  }

  private void callPastItsDeadline() {
    try {
      within(300).callTool(request("sleep", "{\"ms\":60000}"));
    } catch (StatusRuntimeException e) {
      expect(Status.Code.DEADLINE_EXCEEDED, e);
      System.out.println("sleep: its deadline passed");
    }
  }

  private void streamProgress() {
    Iterator<CallToolStreamResponse> events =
        within(10_000).callToolStream(streamRequest("count", "{\"to\":3,\"interval_ms\":20}"));
    while (events.hasNext()) {
      CallToolStreamResponse event = events.next();
      switch (event.getEventCase()) {
        case PROGRESS ->
            System.out.printf(
                "count: %.0f of %.0f%n",
                event.getProgress().getProgress(), event.getProgress().getTotal());
        case RESULT ->
            System.out.println("count: " + event.getResult().getContent(0).getText().getText());
        default -> {}
      }
    }
  }

  private void cancel() {
    try (var context = Context.current().withCancellation()) {
      context.run(
          () -> {
            var events =
                stub.callToolStream(streamRequest("count", "{\"to\":1000,\"interval_ms\":50}"));
            events.next(); // it runs
            context.cancel(null);
            while (events.hasNext()) { // what had come before
              events.next();
            }
          });
    } catch (StatusRuntimeException e) {
      expect(Status.Code.CANCELLED, e);
      System.out.println("count: cancelled");
    }
  }

  private void fail() throws InvalidProtocolBufferException {
    try {
      within(10_000).callTool(request("no_such_tool", "{}"));
    } catch (StatusRuntimeException e) {
      System.out.println("no_such_tool: " + reasonOf(e));
    }
  }

  /** Why the bridge says that a call failed; docs/errors.md lists all reasons. */
  private static String reasonOf(StatusRuntimeException e) throws InvalidProtocolBufferException {
    for (Any detail : StatusProto.fromThrowable(e).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        return detail.unpack(ErrorInfo.class).getReason();
      }
    }
    return "no reason given";
  }

  private static void expect(Status.Code code, StatusRuntimeException e) {
    if (e.getStatus().getCode() != code) {
      throw e;
    }
  }

  public static void main(String[] args) throws Exception {
    var address = args.length > 0 ? args[0] : "127.0.0.1:50051";
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      var example = new Example(ToolServiceGrpc.newBlockingStub(channel));
      example.listTools();
      example.call();
      example.callPastItsDeadline();
      example.streamProgress();
      example.cancel();
      example.fail();
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }
}
