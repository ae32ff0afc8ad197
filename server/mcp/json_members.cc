#include "server/mcp/json_members.h"

#include <simdjson.h>

#include <algorithm>

#include "server/jsonrpc/message.h"

namespace mcpbridge {
namespace {

namespace od = simdjson::ondemand;

// The raw text of `value`, perhaps with white space behind it. What is inside of it is not checked.
simdjson::simdjson_result<std::string_view> RawOf(od::value value) {
  od::json_type type;
  if (auto error = value.type().get(type)) return error;
  if (type == od::json_type::object) {
    od::object object;
    if (auto error = value.get_object().get(object)) return error;
    return object.raw_json();
  }
  if (type == od::json_type::array) {
    od::array array;
    if (auto error = value.get_array().get(array)) return error;
    return array.raw_json();
  }
  return value.raw_json_token();
}

}  // namespace

std::optional<JsonMembers> JsonMembers::Read(std::string_view object) {
  JsonMembers members;
  members.text_.reserve(object.size() + simdjson::SIMDJSON_PADDING);
  members.text_ = object;
  if (!members.ReadMembers()) return std::nullopt;
  return members;
}

bool JsonMembers::ReadMembers() {
  thread_local jsonrpc::Parser parser;
  od::document& document = parser.document();
  od::object object;
  text_.reserve(text_.size() + simdjson::SIMDJSON_PADDING);
  if (parser.Get().iterate(text_.data(), text_.size(), text_.capacity()).get(document) ||
      document.get_object().get(object)) {
    return false;
  }
  const auto offset = [this](const char* at) {
    return static_cast<std::size_t>(at - text_.data());
  };
  members_.clear();
  for (auto field : object) {
    if (field.error()) return false;
    Member member;
    member.begin = offset(field.value_unsafe().key().raw()) - 1;  // with its quote
    std::string_view key;
    if (field.unescaped_key().get(key)) return false;
    member.key = key;
    if (FindMember(key) != nullptr) return false;
    std::string_view raw;
    if (RawOf(field.value_unsafe().value()).get(raw)) return false;
    member.value = offset(raw.data());
    member.end = member.value + jsonrpc::TrimEnd(raw).size();
    members_.push_back(std::move(member));
  }
  const bool is_whole = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  parser.Trim();
  return is_whole;
}

JsonMembers::Member* JsonMembers::FindMember(std::string_view key) {
  const auto at = std::find_if(members_.begin(), members_.end(),
                               [&](const Member& member) { return member.key == key; });
  return at == members_.end() ? nullptr : &*at;
}

std::vector<std::string> JsonMembers::Keys() const {
  std::vector<std::string> keys;
  for (const Member& member : members_) keys.push_back(member.key);
  return keys;
}

std::optional<std::string_view> JsonMembers::Get(std::string_view key) const {
  for (const Member& member : members_) {
    if (member.key == key) {
      return std::string_view(text_).substr(member.value, member.end - member.value);
    }
  }
  return std::nullopt;
}

void JsonMembers::Set(std::string_view key, std::string_view value) {
  if (Member* member = FindMember(key)) {
    const std::size_t old_size = member->end - member->value;
    text_.replace(member->value, old_size, value);
    member->end = member->value + value.size();
    for (Member& later : members_) {
      if (later.begin <= member->begin) continue;
      for (std::size_t* at : {&later.begin, &later.value, &later.end}) {
        *at = *at - old_size + value.size();
      }
    }
    return;
  }
  std::string added = "\"" + std::string(key) + "\":";
  Member member{.key = std::string(key), .begin = 0, .value = added.size(), .end = 0};
  added.append(value);
  member.end = added.size();
  if (!members_.empty()) added += ',';
  const std::size_t at = text_.find('{') + 1;
  text_.insert(at, added);
  for (Member& later : members_) {
    for (std::size_t* place : {&later.begin, &later.value, &later.end}) *place += added.size();
  }
  for (std::size_t* place : {&member.begin, &member.value, &member.end}) *place += at;
  members_.insert(members_.begin(), std::move(member));
}

void JsonMembers::Remove(const std::vector<std::string_view>& keys) {
  const auto goes = [&](const Member& member) {
    return std::find(keys.begin(), keys.end(), member.key) != keys.end();
  };
  const auto last = std::find_if_not(members_.rbegin(), members_.rend(), goes);
  // Behind the last one that stays, commas stand before members; up to it, behind them.
  const auto stays = static_cast<std::size_t>(members_.rend() - last);  // its index + 1
  if (stays < members_.size()) {
    const std::size_t from = stays == 0 ? members_.front().begin : members_[stays - 1].end;
    text_.erase(from, members_.back().end - from);
  }
  for (std::size_t i = stays; i-- > 0;) {
    if (!goes(members_[i])) continue;
    text_.erase(members_[i].begin, members_[i + 1].begin - members_[i].begin);
  }
  ReadMembers();
}

}  // namespace mcpbridge
