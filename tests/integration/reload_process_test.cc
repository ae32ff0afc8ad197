// mcp-bridge as a process whose configuration changes: SIGHUP, files that are written, replaced, or
// reached through a link that is swapped, and files that are no good.

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fakes/eventually.h"
#include "tests/fakes/fake_mcp_server.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_http.h"
#include "tests/fakes/test_process.h"

namespace mcpbridge {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{30};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string ConfigOf(const FakeMcpServer& server, const std::string& more = "lanes: 2") {
  return "mcp_servers:\n  fake: {url: \"" + server.url() +
         "\"}\nbridge:\n  http_listen: \"127.0.0.1:0\"\n  grpc_listen: \"127.0.0.1:0\"\n"
         "  admin_listen: off\n  " +
         more + "\n";
}

std::string Call() {
  return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"}}})";
}

class ReloadProcessTest : public testing::Test {
 protected:
  ReloadProcessTest() {
    first_.AnswerWith("from first ");
    second_.AnswerWith("from second ");
  }

  // Starts it, its log in a file.
  void Start(const std::string& config) {
    bridge_ = std::make_unique<TestProcess>(std::vector<std::string>{
        "/bin/sh", "-c", "exec \"$0\" --config=\"$1\" 2>\"$2\"", MCP_BRIDGE, config, log_});
    const std::optional<std::string> line = bridge_->ReadLine(kPatience);
    std::smatch match;
    ASSERT_TRUE(line && std::regex_search(*line, match, std::regex("http=127.0.0.1:([0-9]+) ")))
        << Log();
    port_ = static_cast<std::uint16_t>(std::stoi(match[1]));
    ASSERT_TRUE(AnswersFrom("first"));
  }

  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(log_).rdbuf();
    return text.str();
  }
  bool Logs(const std::string& part) const {
    return Eventually([&] { return Has(Log(), part); });
  }
  bool AnswersFrom(const std::string& name) const {
    return Eventually([&] { return Has(TestHttpClient(port_).Post(Call()).body, "from " + name); });
  }
  // As editors and config management do it.
  void Replace(const std::string& name, const std::string& text) {
    const std::string next = folder_.Write(name + ".next", text);
    fs::rename(next, folder_.path() + "/" + name);
  }

  FakeMcpServer first_;
  FakeMcpServer second_;
  const TempFolder folder_;
  const std::string log_ = folder_.path() + "/log";
  std::unique_ptr<TestProcess> bridge_;
  std::uint16_t port_ = 0;
};

TEST_F(ReloadProcessTest, SighupHasItReadTheFileAgain) {
  const std::string file = folder_.Write("bridge.yaml", ConfigOf(first_, "reload: signal"));
  Start(file);
  folder_.Write("bridge.yaml", ConfigOf(second_, "reload: signal"));
  bridge_->Signal(SIGHUP);
  EXPECT_TRUE(AnswersFrom("second"));
  EXPECT_TRUE(Logs("reload: SIGHUP: " + file + " is in force: 1 changed (fake), 0 kept")) << Log();
  // What it says now is that it isn't asked any more.
  folder_.Write("bridge.yaml", ConfigOf(second_, "reload: off"));
  bridge_->Signal(SIGHUP);
  EXPECT_TRUE(Logs("1 kept; settings have changed")) << Log();
  bridge_->Signal(SIGHUP);
  EXPECT_TRUE(Logs("bridge.reload is off: nothing has changed")) << Log();
  bridge_->Signal(SIGTERM);
  EXPECT_EQ(bridge_->Wait(kPatience), 0);
}

TEST_F(ReloadProcessTest, AFileThatIsWrittenOrReplacedIsSeen) {
  const std::string file = folder_.Write("bridge.yaml", ConfigOf(first_));
  Start(file);
  folder_.Write("bridge.yaml", ConfigOf(second_));
  EXPECT_TRUE(AnswersFrom("second"));
  EXPECT_TRUE(Logs("reload: the file has changed: ")) << Log();
  Replace("bridge.yaml", ConfigOf(first_));
  EXPECT_TRUE(AnswersFrom("first"));
  Replace("bridge.yaml", ConfigOf(second_));
  EXPECT_TRUE(AnswersFrom("second")) << "the file that took its place is watched, too";
  bridge_->Signal(SIGTERM);
  EXPECT_EQ(bridge_->Wait(kPatience), 0);
}

// As Kubernetes projects a ConfigMap: ..data is a link to a folder, and is replaced by a rename.
TEST_F(ReloadProcessTest, AVolumeWhoseLinkIsSwappedIsSeen) {
  const fs::path volume = folder_.path();
  const auto put = [&](const std::string& version, const std::string& text) {
    fs::create_directory(volume / version);
    folder_.Write(version + "/bridge.yaml", text);
    fs::create_directory_symlink(version, volume / "..data_tmp");
    fs::rename(volume / "..data_tmp", volume / "..data");
  };
  put("..1", ConfigOf(first_));
  fs::create_symlink("..data/bridge.yaml", volume / "bridge.yaml");
  Start((volume / "bridge.yaml").string());
  put("..2", ConfigOf(second_));
  fs::remove_all(volume / "..1");
  EXPECT_TRUE(AnswersFrom("second"));
  put("..3", ConfigOf(first_));
  fs::remove_all(volume / "..2");
  EXPECT_TRUE(AnswersFrom("first"));
  bridge_->Signal(SIGTERM);
  EXPECT_EQ(bridge_->Wait(kPatience), 0);
}

TEST_F(ReloadProcessTest, AFileThatIsNoGoodChangesNothingAndTheLogSaysWhy) {
  const std::string file = folder_.Write("bridge.yaml", ConfigOf(first_));
  Start(file);
  std::string bad = ConfigOf(second_);
  bad += "  nonsense: 1\n";
  Replace("bridge.yaml", bad);
  EXPECT_TRUE(Logs("reload: " + file + ":8: bridge.nonsense: ")) << Log();
  EXPECT_TRUE(Logs("nothing has changed, the running configuration stays")) << Log();
  EXPECT_TRUE(AnswersFrom("first"));

  Replace("bridge.yaml", ConfigOf(second_, "lanes: 1"));
  EXPECT_TRUE(Logs("reload: " + file +
                   ":7: bridge.lanes: can't be changed while the bridge runs: it needs a restart"))
      << Log();
  EXPECT_TRUE(AnswersFrom("first")) << "not even what could be changed";

  fs::remove(file);
  bridge_->Signal(SIGHUP);
  EXPECT_TRUE(Logs("cannot be read: No such file or directory")) << Log();
  EXPECT_TRUE(AnswersFrom("first"));

  Replace("bridge.yaml", ConfigOf(second_));
  EXPECT_TRUE(AnswersFrom("second")) << "a good one is taken again";
  bridge_->Signal(SIGTERM);
  EXPECT_EQ(bridge_->Wait(kPatience), 0);
}

}  // namespace
}  // namespace mcpbridge
