#include "server/service/request_state.h"

#include <gtest/gtest.h>

namespace mcpbridge {
namespace {

TEST(RequestStateTest, OpensForItsOwnRequestOnly) {
  const RequestStates states;
  const std::string handle = RequestStates::NewHandle();
  ASSERT_EQ(handle.size(), 32u);
  EXPECT_NE(handle, RequestStates::NewHandle());
  const std::string state = states.Seal(handle, "server\ntools/call\ntool");
  EXPECT_TRUE(states.IsOurs(state));
  EXPECT_FALSE(RequestStates().IsOurs(state)) << "it may be that of a bridge behind this one";
  EXPECT_EQ(states.Open(state, "server\ntools/call\ntool"), handle);
  EXPECT_EQ(states.Open(state, "server\ntools/call\nother"), std::nullopt);
  EXPECT_EQ(RequestStates().Open(state, "server\ntools/call\ntool"), std::nullopt)
      << "another process has another key";
}

TEST(RequestStateTest, AnyChangeIsNoticed) {
  const RequestStates states;
  const std::string state = states.Seal(RequestStates::NewHandle(), "x");
  for (std::size_t i = 0; i < state.size(); ++i) {
    std::string changed = state;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_EQ(states.Open(changed, "x"), std::nullopt) << i;
  }
  EXPECT_EQ(states.Open(state + "0", "x"), std::nullopt);
  EXPECT_EQ(states.Open(state.substr(1), "x"), std::nullopt);
  for (const char* foreign : {"", "abc", "mcp-bridge.1.", "eyJhbGciOi"}) {
    EXPECT_EQ(states.Open(foreign, "x"), std::nullopt) << foreign;
  }
  EXPECT_FALSE(states.IsOurs("s1"));
}

}  // namespace
}  // namespace mcpbridge
