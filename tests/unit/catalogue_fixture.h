#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/config/config.h"
#include "server/jsonrpc/message.h"
#include "server/routing/catalogue.h"

namespace mcpbridge {

// A list of `kind` whose entries have these keys, one page.
inline std::shared_ptr<const EntryList> ListOf(ListKind kind,
                                               const std::vector<std::string>& keys) {
  EntryList list;
  std::string page = "{" + jsonrpc::Quote(InfoOf(kind).member) + ":[";
  for (const std::string& key : keys) {
    if (page.back() == '}') page += ',';
    page += R"({"x":1,)" + jsonrpc::Quote(InfoOf(kind).key) + " : " + jsonrpc::Quote(key) + " }";
  }
  EXPECT_EQ(AppendPage(kind, page + "]}", list).value(), "");
  Finish(list);
  return std::make_shared<const EntryList>(std::move(list));
}

// The lists of one server; what isn't named isn't known.
struct Lists {
  std::shared_ptr<const EntryList> tools = {};
  std::shared_ptr<const EntryList> resources = {};
  std::shared_ptr<const EntryList> templates = {};
  std::shared_ptr<const EntryList> prompts = {};
};

inline std::shared_ptr<const Catalogue> CatalogueOf(Lists lists) {
  auto catalogue = std::make_shared<Catalogue>();
  catalogue->lists[ListKind::kTools].list = std::move(lists.tools);
  catalogue->lists[ListKind::kResources].list = std::move(lists.resources);
  catalogue->lists[ListKind::kTemplates].list = std::move(lists.templates);
  catalogue->lists[ListKind::kPrompts].list = std::move(lists.prompts);
  return catalogue;
}

inline std::shared_ptr<const Catalogue> Tools(const std::vector<std::string>& names) {
  return CatalogueOf({.tools = ListOf(ListKind::kTools, names)});
}

// Servers of these names, which must be sorted.
inline Config ConfigOf(const std::vector<std::string>& names) {
  Config config;
  for (const std::string& name : names) config.servers.emplace_back().name = name;
  return config;
}

}  // namespace mcpbridge
