#include "server/runtime/granted_cpus.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>

#include "tests/fakes/temp_folder.h"

namespace mcpbridge {
namespace {

// A machine's /proc and /sys, as far as they matter.
class GrantedCpusTest : public testing::Test {
 protected:
  GrantedCpusTest() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    all_ = CPU_COUNT(&set);
    std::filesystem::create_directories(root_.path() + "/proc/self");
    SetGroup("0::/pods/one\n");
  }

  void SetGroup(const std::string& text) { root_.Write("proc/self/cgroup", text); }
  void SetQuota(const std::string& group, const std::string& text) {
    std::filesystem::create_directories(root_.path() + "/sys/fs/cgroup" + group);
    root_.Write("sys/fs/cgroup" + group + "/cpu.max", text);
  }
  int Granted() const { return GrantedCpus(root_.path()); }

  int all_ = 0;  // that this process may run on
  const TempFolder root_;
};

TEST_F(GrantedCpusTest, WithoutAQuotaItIsAllThatItMayRunOn) {
  EXPECT_EQ(Granted(), all_);
  SetQuota("/pods/one", "max 100000\n");
  EXPECT_EQ(Granted(), all_);
  EXPECT_EQ(GrantedCpus("/nonexistent"), all_);
}

TEST_F(GrantedCpusTest, AQuotaCounts) {
  SetQuota("/pods/one", "100000 100000\n");
  EXPECT_EQ(Granted(), 1);
}

TEST_F(GrantedCpusTest, APartOfACpuIsOne) {
  SetQuota("/pods/one", "5000 100000\n");
  EXPECT_EQ(Granted(), 1);
  SetQuota("/pods/one", "110000 100000\n");
  EXPECT_EQ(Granted(), std::min(2, all_));
}

TEST_F(GrantedCpusTest, AQuotaBeyondTheMachineIsTheMachine) {
  SetQuota("/pods/one", "99999999999 1000\n");
  EXPECT_EQ(Granted(), all_);
}

TEST_F(GrantedCpusTest, TheTightestOfAllGroupsAboveCounts) {
  SetQuota("/pods/one", "900000 100000\n");
  SetQuota("/pods", "100000 100000\n");
  EXPECT_EQ(Granted(), 1);
}

TEST_F(GrantedCpusTest, InAContainerItsOwnGroupIsTheRoot) {
  SetGroup("0::/\n");
  SetQuota("", "100000 100000\n");
  EXPECT_EQ(Granted(), 1);
}

TEST_F(GrantedCpusTest, GroupsOfVersionOneAreNotAsked) {
  SetGroup("5:cpu:/other\n0::/pods/one\n");
  SetQuota("/other", "100000 100000\n");
  EXPECT_EQ(Granted(), all_);
}

TEST_F(GrantedCpusTest, WhatCannotBeReadIsNoQuota) {
  for (const char* const text : {"", "abc def\n", "0 100000\n", "-1 100000\n", "100000\n"}) {
    SetQuota("/pods/one", text);
    EXPECT_EQ(Granted(), all_) << text;
  }
}

}  // namespace
}  // namespace mcpbridge
