# A member in a container: one static program and an empty directory, nothing else.
# It copies what `make image` builds first, so that no image has to be pulled.
FROM scratch
COPY build/balsa /balsa
# A volume mounted here takes over whom the directory belongs to.
COPY --chown=65532:65532 build/data /data
USER 65532:65532
VOLUME /data
ENV BALSA_DIR=/data \
    BALSA_LISTEN=:7000 \
    BALSA_HTTP=:8080 \
    BALSA_REDIS=:6380
EXPOSE 7000 8080 6380
STOPSIGNAL SIGTERM
ENTRYPOINT ["/balsa"]
CMD ["serve"]
