#include "server/base/log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace mcpbridge {
namespace {

// A pipe in blocking mode, and a logger that writes to it.
class LogSinkTest : public testing::Test {
 protected:
  LogSinkTest() {
    fcntl(fds_[0], F_SETFL, O_NONBLOCK);
    logger_.set_pattern("%l %v");
  }
  ~LogSinkTest() override {
    close(fds_[0]);
    close(fds_[1]);
  }

  // The lines that have been written since the last time.
  std::vector<std::string> Read() {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t size; (size = read(fds_[0], buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  static std::array<int, 2> MakePipe() {
    std::array<int, 2> fds{};
    EXPECT_EQ(pipe(fds.data()), 0);
    return fds;
  }

  std::array<int, 2> fds_ = MakePipe();
  const std::size_t capacity_ = static_cast<std::size_t>(fcntl(fds_[1], F_GETPIPE_SZ));
  spdlog::logger logger_{"test", std::make_shared<LogSink>(fds_[1])};
};

TEST_F(LogSinkTest, EachLineIsThereAtOnce) {
  logger_.info("one");
  logger_.warn("two");
  EXPECT_EQ(Read(), (std::vector<std::string>{"info one", "warning two"}));
}

TEST_F(LogSinkTest, WhoDoesNotReadHoldsNobodyUpAndIsToldWhatIsMissing) {
  constexpr std::size_t kLines = 10'000;
  for (std::size_t i = 0; i < kLines; ++i) logger_.info("{:0>100}", i);
  std::vector<std::string> lines = Read();
  ASSERT_GE(lines.size(), 30u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(std::stoul(lines[i].substr(5)), i) << "whole, and in order";
  }
  const std::size_t dropped = kLines - lines.size();
  logger_.info("on");
  lines = Read();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "warning log: " + std::to_string(dropped) +
                          " lines were dropped, as standard error was not read fast enough");
  EXPECT_EQ(lines[1], "info on");
  logger_.info("and on");
  EXPECT_EQ(Read(), std::vector<std::string>{"info and on"});
}

TEST_F(LogSinkTest, ALineThatIsCutIsEndedBeforeTheNext) {
  logger_.info(std::string(2 * capacity_, 'x'));
  std::vector<std::string> lines = Read();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "info " + std::string(capacity_ - 5, 'x'));
  logger_.info("on");
  lines = Read();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "") << "the end of the line before";
  EXPECT_TRUE(std::regex_search(lines[1], std::regex("^warning log: 1 lines were dropped")));
  EXPECT_EQ(lines[2], "info on");
}

TEST_F(LogSinkTest, AReaderThatHasGoneIsNoError) {
  signal(SIGPIPE, SIG_IGN);
  close(fds_[0]);
  fds_[0] = open("/dev/null", O_RDONLY);
  for (int i = 0; i < 100; ++i) logger_.info("nobody reads it");
}

}  // namespace
}  // namespace mcpbridge
