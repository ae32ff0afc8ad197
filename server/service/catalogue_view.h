#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "server/base/deadline.h"
#include "server/base/error.h"
#include "server/routing/list_kind.h"
#include "server/routing/route_table.h"
#include "server/routing/router.h"
#include "server/runtime/lane.h"
#include "server/upstream/upstream_pool.h"

namespace mcpbridge {

// What servers have, as some callers see it. Shared by those who list by it or look names up in it.
class CatalogueView {
 public:
  // What is known by now. On `lane`.
  virtual std::shared_ptr<const RouteTable> Current(const Lane& lane) = 0;

  // See UpstreamPool::RefreshCatalogue(). On `lane`.
  virtual void Refresh(std::size_t server, ListKind kind, Lane& lane,
                       std::chrono::milliseconds max_age, Deadline deadline,
                       std::function<void(std::optional<Error>)> done) = 0;

 protected:
  ~CatalogueView() = default;
};

// As callers see it that can't be asked anything.
class SharedView final : public CatalogueView {
 public:
  SharedView(UpstreamPool& pool, Router& router) : pool_(pool), router_(router) {}

  std::shared_ptr<const RouteTable> Current(const Lane& lane) override {
    return router_.Current(lane);
  }
  void Refresh(std::size_t server, ListKind kind, Lane& lane, std::chrono::milliseconds max_age,
               Deadline deadline, std::function<void(std::optional<Error>)> done) override {
    pool_.RefreshCatalogue(server, kind, lane, max_age, deadline, std::move(done));
  }

 private:
  UpstreamPool& pool_;
  Router& router_;
};

}  // namespace mcpbridge
