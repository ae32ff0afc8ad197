// From a tool's name to its server, and what it costs that a list has changed.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/jsonrpc/message.h"
#include "server/routing/route_table.h"

namespace mcpbridge::bench {
namespace {

// `s0` to `sN`, zeros in front so that they are sorted as configurations are.
std::string ServerName(std::size_t index) {
  const std::string digits = std::to_string(index);
  return "s" + std::string(4 - digits.size(), '0') + digits;
}

Config ConfigOf(std::size_t servers) {
  Config config;
  for (std::size_t i = 0; i < servers; ++i) config.servers.emplace_back().name = ServerName(i);
  return config;
}

std::vector<std::shared_ptr<const Catalogue>> CataloguesOf(std::size_t servers,
                                                           std::size_t tools_each) {
  std::vector<std::shared_ptr<const Catalogue>> catalogues;
  for (std::size_t server = 0; server < servers; ++server) {
    std::string page = R"({"tools":[)";
    for (std::size_t tool = 0; tool < tools_each; ++tool) {
      if (tool > 0) page += ',';
      page += R"({"name":"tool_)" + std::to_string(tool) + R"(","inputSchema":{"type":"object"}})";
    }
    auto list = std::make_shared<EntryList>();
    if (!AppendPage(ListKind::kTools, page + "]}", *list)) std::abort();
    Finish(*list);
    auto catalogue = std::make_shared<Catalogue>();
    catalogue->lists[ListKind::kTools].list = std::move(list);
    catalogues.push_back(std::move(catalogue));
  }
  return catalogues;
}

// Servers, and the tools of each.
void Catalogues(benchmark::internal::Benchmark* bench) {
  bench->Args({1, 10})->Args({10, 100})->Args({100, 100});
}

void Resolve(benchmark::State& state) {
  const auto servers = static_cast<std::size_t>(state.range(0));
  const auto tools = static_cast<std::size_t>(state.range(1));
  const Config config = ConfigOf(servers);
  const RouteTable table(config, CataloguesOf(servers, tools));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 1000; ++i) {
    names.push_back(ServerName(i * 7 % servers) + "-tool_" + std::to_string(i * 13 % tools));
  }
  std::size_t next = 0;
  for (auto _ : state) {
    auto route = table.Resolve(Scope(), names[next++ % names.size()]);
    if (!route || route->unknown) state.SkipWithError("a tool wasn't found");
    benchmark::DoNotOptimize(route);
  }
}
BENCHMARK(Resolve)->Apply(Catalogues);

// What each lane gets when one server's list has changed.
void MakeTable(benchmark::State& state) {
  const auto servers = static_cast<std::size_t>(state.range(0));
  const Config config = ConfigOf(servers);
  const auto catalogues = CataloguesOf(servers, static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    const RouteTable table(config, catalogues);
    benchmark::DoNotOptimize(&table);
  }
}
BENCHMARK(MakeTable)->Apply(Catalogues)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace mcpbridge::bench
