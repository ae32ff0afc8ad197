// The JSON-RPC codec, the table of ids, server-sent events.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "server/jsonrpc/message.h"
#include "server/jsonrpc/sse.h"
#include "server/mcp/call_params.h"
#include "server/upstream/call_table.h"

namespace mcpbridge::bench {
namespace {

std::string CallOf(std::size_t size) {
  return R"({"jsonrpc":"2.0","id":1000000000,"method":"tools/call","params":{"name":"echo",)"
         R"("arguments":{"text":")" +
         std::string(size, 'x') + R"("}}})";
}

std::string ResultOf(std::size_t size) {
  return R"({"content":[{"type":"text","text":")" + std::string(size, 'x') + R"("}]})";
}

// A result or a call whose text has so many bytes.
void Sizes(benchmark::internal::Benchmark* bench) { bench->Arg(100)->Arg(10 << 10)->Arg(1 << 20); }

void CountBytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void ParseResponse(benchmark::State& state) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(
      jsonrpc::ResultMessage("1000000000", ResultOf(static_cast<std::size_t>(state.range(0)))));
  for (auto _ : state) {
    auto message = jsonrpc::Parse(parser, text);
    benchmark::DoNotOptimize(message);
  }
  CountBytes(state, text.size());
}
BENCHMARK(ParseResponse)->Apply(Sizes);

// A caller's request as the HTTP front reads it: the message, then its params all the way down.
void ParseCall(benchmark::State& state) {
  jsonrpc::Parser parser;
  jsonrpc::Text text(CallOf(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) {
    auto message = jsonrpc::Parse(parser, text);
    auto params = ParseCallParams(CallMethod::kCallTool, *message);
    benchmark::DoNotOptimize(params);
  }
  CountBytes(state, text.size());
}
BENCHMARK(ParseCall)->Apply(Sizes);

void WriteRequest(benchmark::State& state) {
  const std::string params = R"({"name":"echo","arguments":{"text":")" +
                             std::string(static_cast<std::size_t>(state.range(0)), 'x') + R"("}})";
  for (auto _ : state) {
    std::string message = jsonrpc::RequestMessage("1000000000", "tools/call", params);
    benchmark::DoNotOptimize(message);
  }
  CountBytes(state, params.size());
}
BENCHMARK(WriteRequest)->Apply(Sizes);

void WriteResult(benchmark::State& state) {
  const std::string result = ResultOf(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::string message = jsonrpc::ResultMessage("1000000000", result);
    benchmark::DoNotOptimize(message);
  }
  CountBytes(state, result.size());
}
BENCHMARK(WriteResult)->Apply(Sizes);

void WriteEvent(benchmark::State& state) {
  const std::string json = ResultOf(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::string event = jsonrpc::SseMessage(json, "1-1");
    benchmark::DoNotOptimize(event);
  }
  CountBytes(state, json.size());
}
BENCHMARK(WriteEvent)->Apply(Sizes);

void ReadEvent(benchmark::State& state) {
  const std::string event =
      jsonrpc::SseMessage(ResultOf(static_cast<std::size_t>(state.range(0))), "1-1");
  jsonrpc::SseParser parser(64 << 20);
  for (auto _ : state) {
    parser.Feed(event, [](jsonrpc::SseEvent&& read) {
      benchmark::DoNotOptimize(read);
      return true;
    });
  }
  CountBytes(state, event.size());
}
BENCHMARK(ReadEvent)->Apply(Sizes);

class NoSink final : public ReplySink {
 public:
  void Deliver(Result<jsonrpc::Message>, jsonrpc::Text*) override {}
  void Notify(jsonrpc::Message&, jsonrpc::Text&) override {}
  void Ask(jsonrpc::Message&, jsonrpc::Text&) override {}
};

// A request enters the table of one stream and is taken out by its reply's id, with so many others
// in it.
void IdMap(benchmark::State& state) {
  CallTable table(false);
  const auto sink = std::make_shared<NoSink>();
  std::int64_t next = 1;
  for (; next <= state.range(0); ++next) table.AddSent({.id = next, .text = {}}, *sink, sink);
  for (auto _ : state) {
    table.AddSent({.id = next, .text = {}}, *sink, sink);
    auto taken = table.Take(std::to_string(next++));
    benchmark::DoNotOptimize(taken);
  }
  table.Clear();
}
BENCHMARK(IdMap)->Arg(1)->Arg(64)->Arg(50'000);

}  // namespace
}  // namespace mcpbridge::bench
