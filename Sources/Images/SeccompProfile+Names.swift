extension SeccompProfile {
    /// System calls that any program may use, by subject (syscalls(2)).
    static let allowed =
        files + metadata + polling + memory + processes + scheduling + identity + signals + time + network + messages + other + architecture

    private static let files = """
        access chdir close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir
        fcntl fcntl64 fdatasync flock fstatfs fstatfs64 fsync ftruncate ftruncate64 getcwd getdents getdents64 ioctl link linkat lseek _llseek
        memfd_create mkdir mkdirat mknod mknodat name_to_handle_at open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev
        pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice statfs statfs64 symlink
        symlinkat sync sync_file_range sync_file_range2 arm_sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat vmsplice write
        writev cachestat io_setup io_submit io_getevents io_destroy io_cancel io_pgetevents io_pgetevents_time64
        """.words

    private static let metadata = """
        chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat fgetxattr flistxattr fremovexattr fsetxattr fstat fstat64
        fstatat64 futimesat getxattr getxattrat lchown lchown32 lgetxattr listmount listxattr listxattrat llistxattr lremovexattr lsetxattr lstat
        lstat64 newfstatat oldfstat oldlstat oldstat removexattr removexattrat setxattr setxattrat stat stat64 statmount statx utime utimensat
        utimensat_time64 utimes
        """.words

    private static let polling = """
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fanotify_mark
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select
        """.words

    private static let memory = """
        brk madvise map_shadow_stack membarrier memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock
        munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
        """.words

    private static let processes = """
        capget capset execve execveat exit exit_group fork getpgid getpgrp getpid getppid getsid gettid kill landlock_add_rule
        landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal prctl process_vm_readv process_vm_writev ptrace rseq seccomp set_robust_list get_robust_list
        set_tid_address set_thread_area get_thread_area setpgid setsid tgkill tkill vfork wait4 waitid waitpid futex futex_requeue
        futex_time64 futex_wait futex_waitv futex_wake restart_syscall arch_prctl modify_ldt
        """.words

    private static let scheduling = """
        getcpu getitimer getpriority getrlimit getrusage ioprio_get ioprio_set nice prlimit64 sched_get_priority_max sched_get_priority_min
        sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
        sched_setattr sched_setparam sched_setscheduler sched_yield setitimer setpriority setrlimit ugetrlimit
        """.words

    private static let identity = """
        getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid getresuid32 getuid getuid32
        setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid
        setresuid32 setreuid setreuid32 setuid setuid32
        """.words

    private static let signals = """
        alarm pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend
        """.words

    private static let time = """
        adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
        clock_nanosleep_time64 gettimeofday nanosleep time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
        timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
        """.words

    private static let network = """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg
        sendmsg sendto setsockopt shutdown socketcall socketpair
        """.words

    private static let messages = """
        ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget
        msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
        """.words

    private static let other = "getrandom sysinfo uname lsm_get_self_attr lsm_list_modules lsm_set_self_attr uretprobe".words

    /// Calls that only one of the architectures has.
    private static let architecture = "breakpoint cacheflush set_tls get_tls arm_fadvise64_64 riscv_flush_icache".words
}

extension String {
    fileprivate var words: [String] { split(whereSeparator: \.isWhitespace).map(String.init) }
}
