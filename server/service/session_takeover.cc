// What lets a client's session go on at another bridge than the one that opened it.
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/service/client_session.h"
#include "server/service/tool_service.h"

namespace mcpbridge {

void ClientSession::AnnounceLists() {
  for (const ListKind kind : {ListKind::kTools, ListKind::kResources, ListKind::kPrompts}) {
    for (const std::size_t server : scope_.Servers(config())) {
      const UpstreamStatus status = service_.status().Of(config().servers[server].name);
      if (!Declares(status.capabilities, InfoOf(kind).member)) continue;
      AnnounceOnce(ListChangedMethod(kind));
      break;
    }
  }
}

void ClientSession::ShareWith(SessionJournal& journal) {
  journal_ = &journal;
  const auto random = RandomPartOf(id_);
  std::vector<MessageLog::Given> given;
  for (SessionJournal::Event& event : journal.Said(random, 0)) {
    given.push_back({.index = event.index, .text = std::move(event.text)});
  }
  messages_.Restore(0, std::move(given));
  messages_.TellTo([&journal, random = std::string(random)](MessageLog::Position at,
                                                            const std::string& text, bool last) {
    journal.AddSaid(random, {.stream = at.stream, .index = at.index, .last = last, .text = text});
  });
}

bool ClientSession::Recall(MessageLog::Stream stream) {
  if (journal_ == nullptr || stream == 0) return false;
  auto said = journal_->Said(RandomPartOf(id_), stream);
  // Without its answer a stream would be waited on for ever.
  if (said.empty() || !said.back().last) return false;
  std::vector<MessageLog::Given> given;
  for (SessionJournal::Event& event : said) {
    given.push_back({.index = event.index, .text = std::move(event.text), .last = event.last});
  }
  messages_.Restore(stream, std::move(given));
  return true;
}

void ClientSessions::OnEndedElsewhere(std::string_view random) {
  ended_.Add(random);
  std::string known;
  {
    Shard& shard = ShardOf(random);
    const std::lock_guard lock(shard.mutex);
    for (const auto& entry : shard.sessions) {
      if (RandomPartOf(entry.first) == random) known = entry.first;
    }
  }
  if (!known.empty()) Close(known, "by the client, at another bridge");
}

}  // namespace mcpbridge
