#include "server/service/session_seal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mcpbridge {
namespace {

constexpr char kId[] = "00112233445566778899aabbccddeeff";

Config ConfigWith(const std::string& key, const std::vector<std::string>& servers) {
  Config config;
  config.bridge.session_key = key;
  for (const std::string& name : servers) {
    ServerConfig server;
    server.name = name;
    config.servers.push_back(std::move(server));
  }
  return config;
}

ClientProfile Profile() {
  ClientProfile profile;
  profile.version = "2025-06-18";
  profile.capabilities = R"({"elicitation":{"form":{}},"roots":{"listChanged":true}})";
  profile.client_info = R"({"name":"t\u00e9ster","version":"7","title":"A \"tester\""})";
  return profile;
}

class SessionSealTest : public testing::Test {
 protected:
  const std::string key_ = std::string(40, 'k');
  const Config config_ = ConfigWith(key_, {"a", "b", "c"});
  const SessionSeals seals_{config_.bridge};
};

TEST_F(SessionSealTest, SaysWhoTheClientIsToWhomeverHasTheKey) {
  const std::string id = seals_.Seal(config_, kId, Profile(), Scope(1));
  EXPECT_TRUE(SessionSeals::IsSealed(id));
  EXPECT_TRUE(id.starts_with(kId));
  EXPECT_TRUE(std::all_of(id.begin(), id.end(), [](char c) { return c >= 0x21 && c <= 0x7e; }))
      << id;
  // In another order, as another bridge may have them.
  const Config other = ConfigWith(key_, {"0", "a", "b"});
  const auto client = SessionSeals(other.bridge).Open(other, id);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->profile.version, "2025-06-18");
  EXPECT_EQ(client->profile.capabilities, Profile().capabilities);
  EXPECT_EQ(client->profile.client_info, Profile().client_info);
  EXPECT_TRUE(client->profile.can_elicit);
  EXPECT_TRUE(client->profile.has_roots);
  EXPECT_FALSE(client->profile.can_sample);
  EXPECT_EQ(client->scope.Names(other), "b");
}

TEST_F(SessionSealTest, TakesWhatAnAcceptedKeyHasSealedAndSealsWithItsOwn) {
  const std::string id = seals_.Seal(config_, kId, Profile(), Scope(1));
  Config changed = ConfigWith(std::string(40, 'n'), {"a", "b", "c"});
  EXPECT_FALSE(SessionSeals(changed.bridge).Open(changed, id));
  changed.bridge.session_key_accepted = key_;
  const SessionSeals both(changed.bridge);
  EXPECT_TRUE(both.Open(changed, id));
  const std::string own = both.Seal(changed, kId, Profile(), Scope(1));
  EXPECT_TRUE(both.Open(changed, own));
  EXPECT_FALSE(seals_.Open(config_, own));
}

TEST_F(SessionSealTest, KeepsTheScope) {
  for (const Scope& scope : {Scope(), Scope(2), Scope::Of({0, 2})}) {
    const auto client = seals_.Open(config_, seals_.Seal(config_, kId, Profile(), scope));
    ASSERT_TRUE(client);
    EXPECT_EQ(client->scope.Names(config_), scope.Names(config_));
    EXPECT_EQ(client->scope.is_all(), scope.is_all());
  }
}

TEST_F(SessionSealTest, AnyChangeIsNoticed) {
  const std::string id = seals_.Seal(config_, kId, Profile(), Scope());
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::string changed = id;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_FALSE(seals_.Open(config_, changed)) << i;
  }
  const std::string foreign[] = {"",
                                 kId,
                                 ".",
                                 "..",
                                 "a.b.c",
                                 id + "A",
                                 id + ".",
                                 "x." + id,
                                 id.substr(1),
                                 std::string(1025, '.'),
                                 std::string(kId) + "..",
                                 id.substr(0, id.rfind('.') + 1)};
  for (const std::string& other : foreign) EXPECT_FALSE(seals_.Open(config_, other)) << other;
}

TEST_F(SessionSealTest, AnotherKeyOpensNothing) {
  const std::string id = seals_.Seal(config_, kId, Profile(), Scope());
  const Config other = ConfigWith(std::string(40, 'x'), {"a", "b", "c"});
  EXPECT_FALSE(SessionSeals(other.bridge).Open(other, id));
  const Config none = ConfigWith("", {"a", "b", "c"});
  EXPECT_FALSE(SessionSeals(none.bridge).Open(none, id));
  EXPECT_EQ(SessionSeals(none.bridge).Seal(none, kId, Profile(), Scope()), kId);
}

TEST_F(SessionSealTest, GrowsOld) {
  const auto now = SessionSeals::Clock::now();
  const std::string id = seals_.Seal(config_, kId, Profile(), Scope(), now);
  EXPECT_TRUE(seals_.Open(config_, id, now + std::chrono::hours(24) - std::chrono::seconds(2)));
  EXPECT_FALSE(seals_.Open(config_, id, now + std::chrono::hours(24) + std::chrono::seconds(2)));
  EXPECT_TRUE(seals_.Open(config_, id, now - std::chrono::minutes(5))) << "clocks differ";
}

TEST_F(SessionSealTest, WhoIsOpenedForAServerIsntServedWithoutIt) {
  const std::string id = seals_.Seal(config_, kId, Profile(), Scope::Of({0, 2}));
  const Config other = ConfigWith(key_, {"a", "b"});
  EXPECT_FALSE(SessionSeals(other.bridge).Open(other, id));
  EXPECT_TRUE(
      SessionSeals(other.bridge).Open(other, seals_.Seal(config_, kId, Profile(), Scope())));
}

TEST_F(SessionSealTest, AClientThatSaysTooMuchIsShortenedOrLeftOut) {
  ClientProfile profile = Profile();
  profile.client_info =
      R"({"icons":[{"src":")" + std::string(2000, 'x') + R"("}],"version":"7","name":"tester"})";
  const std::string id = seals_.Seal(config_, kId, profile, Scope());
  EXPECT_LE(id.size(), SessionSeals::kMaxSize);
  const auto client = seals_.Open(config_, id);
  ASSERT_TRUE(client);
  EXPECT_EQ(client->profile.client_info, R"({"name":"tester","version":"7"})");
  EXPECT_EQ(client->profile.capabilities, profile.capabilities);
  profile.capabilities = R"({"experimental":{")" + std::string(2000, 'x') + R"(":{}}})";
  EXPECT_EQ(seals_.Seal(config_, kId, profile, Scope()), kId);
}

TEST(EndedSessionsTest, ForgetsTheOldest) {
  EndedSessions ended;
  EXPECT_TRUE(ended.Add("first.seal"));
  EXPECT_FALSE(ended.Add("first.seal"));
  for (std::size_t i = 1; i < EndedSessions::kMost; ++i) ended.Add(std::to_string(i) + ".seal");
  EXPECT_TRUE(ended.Has("first.seal"));
  ended.Add("last.seal");
  EXPECT_FALSE(ended.Has("first.seal"));
  EXPECT_TRUE(ended.Has("1.seal"));
  EXPECT_TRUE(ended.Has("last.seal"));
}

}  // namespace
}  // namespace mcpbridge
