// Calls echo through the bridge at argv[1] and prints what it says; exits with 3 if nobody is
// there.
#include <mcpbridge/client.h>

#include <cstdio>

int main(int argc, char** argv) {
  mcpbridge::client::Client bridge(argc > 1 ? argv[1] : "127.0.0.1:1",
                                   {.retries = {.attempts = 2}});
  const auto result = bridge.CallToolStream({.tool = "echo", .arguments_json = R"({"text":"hi"})"},
                                            {}, {.timeout = std::chrono::seconds(10)});
  if (result) {
    std::puts(std::get<mcpbridge::client::TextContent>(result->content.at(0).block).text.c_str());
    return 0;
  }
  std::puts(result.error().message.c_str());
  return result.error().code == mcpbridge::client::StatusCode::kUnavailable ? 3 : 1;
}
