"""The catalog on Elasticsearch, for collections that are big or that many machines work on."""

from albumen.catalogs.elastic.catalog import ElasticCatalog

__all__ = ["ElasticCatalog"]
